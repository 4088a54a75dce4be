"""Questions: items from the project's and other people's files, their pictures and rubric units."""
