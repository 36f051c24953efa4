"""Judgement of a site: each page judged by the evidence of all pages of its host."""
