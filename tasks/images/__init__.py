"""What tasks of images share."""
