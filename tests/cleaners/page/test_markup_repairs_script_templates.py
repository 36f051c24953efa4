from __future__ import annotations

import pytest

from broadsheet.cleaners.page.markup_repairs import show_script_templates
from broadsheet.cleaners.page.parsed_page import parse
from broadsheet.cleaners.page.visible_blocks import read_blocks

STORY = "<p>" + "The harbour wall was built of stone that came by sea from the quarry. " * 4 + "</p>"


def in_script(template: str, attributes: str = "type='text/template'") -> str:
    return f"<body><h1>The wall</h1><div><script {attributes}>{template}</script></div></body>"


def lines(page: str) -> list[str]:
    tree = parse(page)
    assert tree is not None
    return [block.text for block in read_blocks(tree)]


def test_a_post_in_a_template_script_is_text() -> None:
    assert lines(in_script(STORY, "type='text/javascript'")) == ["The wall"]
    heading, post = lines(in_script(STORY))
    assert heading == "The wall"
    assert post.startswith("The harbour wall was built of stone")


@pytest.mark.parametrize("attributes", ["type=text/template", 'TYPE = "text/template" '])
def test_the_type_may_be_written_in_several_ways(attributes: str) -> None:
    shown = f"<body><h1>The wall</h1><div><div>{STORY}</div></div></body>"
    assert show_script_templates(in_script(STORY, attributes)) == shown


@pytest.mark.parametrize(
    "attributes", ['id="banner" type="text/template"', "type=text/template class=x", "type=text/x"]
)
def test_a_template_with_a_name_is_for_elsewhere(attributes: str) -> None:
    assert show_script_templates(in_script(STORY, attributes)) == in_script(STORY, attributes)


@pytest.mark.parametrize(
    "template",
    [
        pytest.param(STORY.replace("stone", "{{ material }}"), id="a place for a value"),
        pytest.param(STORY.replace("stone", "<%= material %>"), id="a place for a value, in another language"),
        pytest.param("<p>Comment added</p>", id="a few words"),
        pytest.param(STORY.replace("p>", "b>"), id="no paragraph"),
    ],
)
def test_other_templates_stay_scripts(template: str) -> None:
    assert show_script_templates(in_script(template)) == in_script(template)


def test_a_script_ends_at_its_own_end() -> None:
    page = in_script("{{ x }}") + in_script(STORY) + "<script>let a = 1</script>"
    assert (
        show_script_templates(page)
        == in_script("{{ x }}")
        + in_script(STORY).replace("<script type='text/template'>", "<div>").replace("</script>", "</div>")
        + "<script>let a = 1</script>"
    )


def test_a_long_page_of_unclosed_scripts_is_read_in_time() -> None:
    page = "<script type='text/template'><p>a b c " * 20_000
    assert show_script_templates(page) == page
