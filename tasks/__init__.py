"""Classification problems, one file each."""

DEFAULT = "catsdogs"  # if nobody says otherwise
