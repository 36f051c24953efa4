"""Many archives as one: merged into an archive, or a data set of Parquet files with a catalogue."""
