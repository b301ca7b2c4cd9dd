"""HDF5 files for plugnet: the data sets hdf5 and mat73, which reads MATLAB 7.3 files."""
