"""Folders of pictures for plugnet: the data set images."""
