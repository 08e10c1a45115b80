"""A suite: many data sets x strategies x seeds as one plan, and one page on them."""
