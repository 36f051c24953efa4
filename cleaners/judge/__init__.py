"""Judgement of a page: models, rules, extractor and a person's rules weighed; a verdict a block, a type a page."""
