"""Judgement of a site: what all pages of a host say together about each of them."""
