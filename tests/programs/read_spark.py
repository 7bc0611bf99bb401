"""Prints the data frame that a line of Python gives where `spark` is a session, as CSV."""

import csv
import sys

from pyspark.sql import SparkSession

session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false")
names = {"spark": session.config("spark.driver.host", "127.0.0.1").getOrCreate()}
*before, last = sys.argv[1].split("; ")
exec("; ".join(before), names)  # noqa: S102 - the line is what is tested
frame = eval(last, names)  # noqa: S307
csv.writer(sys.stdout).writerows([frame.columns, *map(tuple, frame.collect())])
