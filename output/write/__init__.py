"""The one owner of an archive file: outcomes in, a transaction a batch; queue, verdicts, revisits."""
