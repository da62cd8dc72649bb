//! Networks, network namespaces, DNS, port forwarding, rootless networking.
