"""What tasks of tables share."""
