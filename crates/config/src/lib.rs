//! Configuration files, directories, connections and environment variables.
