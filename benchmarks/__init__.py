"""How fast the project is: ratios within one run, against the goals that it sets itself. Run by `make bench`."""
