"""Where trainings run: this process or the workers of a Dask cluster."""
