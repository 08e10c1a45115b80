"""Questions that people ask of a benchmark. One file a study; the file's name is the study's."""
