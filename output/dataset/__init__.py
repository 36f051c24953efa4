"""Many archives as one data set of Parquet files, with a catalogue of it and a card that says how to read it."""
