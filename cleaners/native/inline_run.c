/* Runs of inline text: `InlineRun` of broadsheet.cleaners.page.inline_text, on UTF-8.
 *
 * Every step has its counterpart there. Text that may not be in NFC goes through the Python functions.
 */

#include "native.h"

static const char BREAK = '\x0b'; /* stands for <br> */
static const char MARKDOWN_CHARACTERS[] = "\\`*_[]<";

void free_run(Run *run) {
    PyMem_Free(run->parts);
    PyMem_Free(run->links);
    PyMem_Free(run->open_marks);
    free_buffer(&run->marks);
    free_buffer(&run->scratch);
    free_buffer(&run->text);
    free_buffer(&run->folded);
    Py_CLEAR(run->closings);
}

static int append_part(Run *run, const char *text, Py_ssize_t size, int properties) {
    if (grow_array((void **)&run->parts, run->part_count, &run->part_capacity, sizeof(Part)) < 0)
        return FAILED;
    run->parts[run->part_count++] = (Part){text, size, properties, 0, 0, 0};
    return 0;
}

int add_text(Run *run, const char *text, Py_ssize_t size, int is_verbatim) {
    int properties = scan_text(text, size);
    if (properties < 0)
        return properties;
    if (!(properties & TEXT_SPACE))
        run->is_visible = 1;
    else if (!run->is_visible && !run->part_count && !is_verbatim && properties & TEXT_BLANK)
        return 0;
    return append_part(run, text, size, properties);
}

int add_line_break(Run *run) {
    for (Py_ssize_t n = run->part_count - 1; n >= 0; n--) {
        Part *part = &run->parts[n];
        if (part->size == 1 && part->text[0] == BREAK)
            return 1;
        if (!(part->properties & TEXT_SPACE))
            break;
    }
    return append_part(run, &BREAK, 1, TEXT_ASCII | TEXT_SPACE | TEXT_BLANK | TEXT_COMPOSED);
}

void open_link(Run *run, const char *href) {
    run->link_start = run->part_count;
    run->href = href;
}

static int append_escaped(Buffer *target, const char *text, Py_ssize_t size) {
    if (reserve_bytes(target, 2 * size) < 0)
        return FAILED;
    char *end = target->bytes + target->size;
    for (Py_ssize_t at = 0; at < size; at++) {
        if (text[at] != '\0' && strchr(MARKDOWN_CHARACTERS, text[at]) != NULL)
            *end++ = '\\';
        *end++ = text[at];
    }
    target->size = end - target->bytes;
    return 0;
}

static int append_markdown(const Run *run, const Part *part, Buffer *target) {
    if (!part->is_marked)
        return append_escaped(target, part->text, part->size);
    if (part->mark < 0)
        return append_bytes(target, part->text, part->size);
    return append_bytes(target, run->marks.bytes + part->mark, part->mark_size);
}

/* Set a part's Markdown: the scratch buffer with an opening after `lead` bytes and a closing after `body` bytes. */
static int set_markdown(Run *run, Part *part, Py_ssize_t lead, Py_ssize_t body, const char *opening,
                        Py_ssize_t opening_size, const char *closing, Py_ssize_t closing_size) {
    const Buffer *text = &run->scratch;
    Buffer *marks = &run->marks;
    part->mark = marks->size;
    if (append_bytes(marks, text->bytes, lead) < 0 || append_bytes(marks, opening, opening_size) < 0 ||
        append_bytes(marks, text->bytes + lead, body - lead) < 0 || append_bytes(marks, closing, closing_size) < 0 ||
        append_bytes(marks, text->bytes + body, text->size - body) < 0)
        return FAILED;
    part->mark_size = marks->size - part->mark;
    part->is_marked = run->has_marks = 1;
    return 0;
}

/* Find the parts from `start` on that are not blank: the first and the last; 0 if all are. */
static int find_marked_parts(const Run *run, Py_ssize_t start, Py_ssize_t *first, Py_ssize_t *last) {
    *last = run->part_count - 1;
    while (*last >= start && run->parts[*last].properties & TEXT_BLANK)
        --*last;
    *first = start;
    while (*first < *last && run->parts[*first].properties & TEXT_BLANK)
        ++*first;
    return *last >= start;
}

/* Put marks around the parts from `start` on, inside the white space at both ends. */
static int wrap_parts(Run *run, Py_ssize_t start, const char *opening, Py_ssize_t opening_size, const char *closing,
                      Py_ssize_t closing_size) {
    Py_ssize_t first, last;
    if (!find_marked_parts(run, start, &first, &last))
        return 0;
    Buffer *text = &run->scratch;
    text->size = 0;
    if (append_markdown(run, &run->parts[first], text) < 0)
        return FAILED;
    Py_ssize_t lead = leading_space(text->bytes, text->size);
    if (first == last && lead < text->size) {
        Py_ssize_t body = text->size - trailing_space(text->bytes, text->size);
        return set_markdown(run, &run->parts[first], lead, body, opening, opening_size, closing, closing_size);
    }
    if (set_markdown(run, &run->parts[first], lead, text->size, opening, opening_size, "", 0) < 0)
        return FAILED;
    text->size = 0;
    if (append_markdown(run, &run->parts[last], text) < 0)
        return FAILED;
    Py_ssize_t body = text->size - trailing_space(text->bytes, text->size);
    return set_markdown(run, &run->parts[last], 0, body, "", 0, closing, closing_size);
}

/* Return what closes a link to the open link's href, borrowed, or NULL with an exception. */
static PyObject *find_closing(Run *run) {
    PyObject *href = new_text(run->href, (Py_ssize_t)strlen(run->href));
    if (href == NULL)
        return NULL;
    PyObject *closing = PyDict_GetItemWithError(run->closings, href);
    if (closing == NULL && !PyErr_Occurred()) {
        PyObject *made = PyObject_CallOneArg(run->link_closing, href);
        if (made != NULL && PyDict_SetItem(run->closings, href, made) == 0)
            closing = made; /* the dictionary holds it */
        Py_XDECREF(made);
    }
    Py_DECREF(href);
    return closing;
}

static int append_link(Run *run, Py_ssize_t start) {
    if (grow_array((void **)&run->links, run->link_count, &run->link_capacity, sizeof(Range)) < 0)
        return FAILED;
    run->links[run->link_count++] = (Range){start, run->part_count};
    return 0;
}

int close_link(Run *run) {
    Py_ssize_t start = run->link_start, first, last, size;
    if (start < 0)
        return 0;
    run->link_start = -1;
    if (append_link(run, start) < 0)
        return FAILED;
    if (run->href[0] == '\0' || run->href[0] == '#' || !find_marked_parts(run, start, &first, &last))
        return 0;
    PyObject *closing = find_closing(run);
    const char *bytes = closing == NULL ? NULL : PyUnicode_AsUTF8AndSize(closing, &size);
    if (bytes == NULL)
        return FAILED;
    return size ? wrap_parts(run, start, "[", 1, bytes, size) : 0;
}

int open_mark(Run *run) {
    if (grow_array((void **)&run->open_marks, run->mark_count, &run->mark_capacity, sizeof(Py_ssize_t)) < 0)
        return FAILED;
    run->open_marks[run->mark_count++] = run->part_count;
    return 0;
}

int close_mark(Run *run, const char *mark, Py_ssize_t size) {
    if (run->mark_count == 0)
        return 0;
    Py_ssize_t start = run->open_marks[--run->mark_count];
    if (mark[0] == '`') {
        for (Py_ssize_t n = start; n < run->part_count; n++) {
            Part *part = &run->parts[n];
            if (memchr(part->text, '`', (size_t)part->size) || memchr(part->text, BREAK, (size_t)part->size))
                return 0; /* they would end the code */
        }
        for (Py_ssize_t n = start; n < run->part_count; n++) {
            Part *part = &run->parts[n];
            if (!part->is_marked) {
                part->is_marked = run->has_marks = 1;
                part->mark = -1;
            }
        }
    }
    return wrap_parts(run, start, mark, size, mark, size);
}

void drop_run(Run *run) {
    if (run->part_count == 0)
        return;
    run->part_count = run->link_count = run->marks.size = 0;
    run->is_visible = run->has_marks = 0;
    if (run->link_start > 0)
        run->link_start = 0;
    for (Py_ssize_t n = 0; n < run->mark_count; n++)
        run->open_marks[n] = 0;
}

static int is_invisible(Py_UCS4 character) {
    return character == 0xad || character == 0x200b || character == 0x2060 || character == 0xfeff ||
           character == 0x180e;
}

/* Fold white space to single spaces and drop invisible characters; a BREAK becomes a line's end. */
static int fold_text(Buffer *target, const char *text, Py_ssize_t size) {
    target->size = 0;
    if (reserve_bytes(target, size) < 0)
        return FAILED;
    char *start = target->bytes, *end = start;
    int is_after_space = 0;
    for (const char *cursor = text, *stop = text + size; cursor < stop;) {
        const char *from = cursor;
        Py_UCS4 character = read_character(&cursor);
        if (character == (Py_UCS4)BREAK) {
            is_after_space = 0;
            if (end > start) /* none before the first word */
                *end++ = '\n';
            continue;
        }
        if (Py_UNICODE_ISSPACE(character)) {
            is_after_space = 1;
            continue;
        }
        if (is_invisible(character))
            continue;
        if (is_after_space && end > start && end[-1] != '\n')
            *end++ = ' ';
        is_after_space = 0;
        while (from < cursor)
            *end++ = *from++;
    }
    while (end > start && end[-1] == '\n')
        end--;
    target->size = end - start;
    return 0;
}

static int tidy_in_python(const Run *run, Buffer *target, const char *text, Py_ssize_t size, int is_verbatim) {
    Py_ssize_t tidy_size;
    PyObject *given = new_text(text, size), *made = NULL;
    if (given != NULL)
        made = PyObject_CallFunctionObjArgs(run->tidy, given, is_verbatim ? Py_True : Py_False, NULL);
    Py_XDECREF(given);
    const char *bytes = made == NULL ? NULL : PyUnicode_AsUTF8AndSize(made, &tidy_size);
    target->size = 0;
    int status = bytes == NULL ? FAILED : append_bytes(target, bytes, tidy_size);
    Py_XDECREF(made);
    return status;
}

static int tidy_text(const Run *run, Buffer *target, const char *text, Py_ssize_t size, int is_verbatim,
                     int properties) {
    if (is_verbatim || !(properties & TEXT_COMPOSED))
        return tidy_in_python(run, target, text, size, is_verbatim);
    return fold_text(target, text, size);
}

/* Join the texts of some parts in the scratch buffer, and return the properties that all of them have. */
static int join_parts(Run *run, Py_ssize_t start, Py_ssize_t end) {
    int properties = ~0 & 0xff;
    run->scratch.size = 0;
    for (Py_ssize_t n = start; n < end; n++) {
        if (append_bytes(&run->scratch, run->parts[n].text, run->parts[n].size) < 0)
            return FAILED;
        properties &= run->parts[n].properties;
    }
    return properties;
}

/* Count the characters of some parts with white space folded; line breaks are white space too. */
static Py_ssize_t count_folded(Run *run, Py_ssize_t start, Py_ssize_t end) {
    int properties = join_parts(run, start, end);
    if (properties < 0)
        return FAILED;
    for (Py_ssize_t at = 0; at < run->scratch.size; at++)
        if (run->scratch.bytes[at] == BREAK)
            run->scratch.bytes[at] = ' ';
    if (tidy_text(run, &run->folded, run->scratch.bytes, run->scratch.size, 0, properties) < 0)
        return FAILED;
    return count_characters(run->folded.bytes, run->folded.size);
}

/* Count the characters of the run that are link text, at most those of its text. */
static Py_ssize_t count_link_characters(Run *run, int is_line, Py_ssize_t characters) {
    if (run->link_start >= 0 && append_link(run, run->link_start) < 0)
        return FAILED;
    Py_ssize_t sum = 0;
    for (Py_ssize_t n = 0; n < run->link_count; n++) {
        Range link = run->links[n];
        int is_whole = is_line && link.start == 0 && link.end == run->part_count;
        Py_ssize_t count = is_whole ? characters : count_folded(run, link.start, link.end);
        if (count < 0)
            return FAILED;
        sum += count;
    }
    return sum < characters ? sum : characters;
}

/* Return the run's Markdown; "" where it is the text itself. */
static PyObject *make_markdown(Run *run) {
    const Buffer *text = &run->text;
    Buffer *markdown = &run->scratch;
    markdown->size = 0;
    if (!run->has_marks) {
        if (append_escaped(markdown, text->bytes, text->size) < 0)
            return NULL;
        int is_same = markdown->size == text->size;
        return new_text(markdown->bytes, is_same ? 0 : markdown->size);
    }
    for (Py_ssize_t n = 0; n < run->part_count; n++)
        if (append_markdown(run, &run->parts[n], markdown) < 0)
            return NULL;
    int properties = scan_text(markdown->bytes, markdown->size);
    if (tidy_text(run, &run->folded, markdown->bytes, markdown->size, 0, properties < 0 ? 0 : properties) < 0)
        return NULL;
    int is_same = run->folded.size == text->size && memcmp(run->folded.bytes, text->bytes, (size_t)text->size) == 0;
    return new_text(run->folded.bytes, is_same ? 0 : run->folded.size);
}

int take_run(Run *run, int is_verbatim, RunResult *result) {
    memset(result, 0, sizeof *result);
    int properties = join_parts(run, 0, run->part_count);
    if (properties < 0 ||
        tidy_text(run, &run->text, run->scratch.bytes, run->scratch.size, is_verbatim, properties) < 0)
        return FAILED;
    const Buffer *text = &run->text;
    if (text->size == 0) {
        drop_run(run);
        return 0;
    }
    result->text = new_text(text->bytes, text->size);
    result->markdown = is_verbatim ? new_text("", 0) : make_markdown(run);
    if (result->text == NULL || result->markdown == NULL)
        goto failed;
    int is_line = !is_verbatim && memchr(text->bytes, '\n', (size_t)text->size) == NULL;
    result->link_characters = count_link_characters(run, is_line, PyUnicode_GET_LENGTH(result->text));
    if (result->link_characters < 0)
        goto failed;
    result->words = count_words(text->bytes, text->size);
    if (result->words <= 2 && !PyUnicode_IS_ASCII(result->text))
        result->words = -1;
    drop_run(run);
    return 0;
failed:
    Py_CLEAR(result->text);
    Py_CLEAR(result->markdown);
    return FAILED;
}
