import type { ContainerRow, NetworkRow } from "./generated/desktop";
import { isLive } from "./containers";

/** A container in a column of the graph, with the places of its networks. */
export interface GraphMember {
  row: ContainerRow;
  at: number;
  networks: string[];
}

/** A network in the other column. */
export interface GraphNetwork {
  row: NetworkRow;
  at: number;
  members: string[];
}

export interface NetworkGraph {
  members: GraphMember[];
  networks: GraphNetwork[];
  /** Those that run and are on no network of the list: with the host's, or with none. */
  alone: ContainerRow[];
}

/** Which containers that run are on which networks, each side in an order that crosses few lines. */
export function networkGraph(containers: Iterable<ContainerRow>, networks: Iterable<NetworkRow>): NetworkGraph {
  const known = new Map([...networks].map((row) => [row.name, row]));
  const running = [...containers].filter(isLive);
  const joined = (row: ContainerRow) => row.networks.filter((name) => known.has(name));
  const alone = running.filter((row) => joined(row).length === 0);
  const connected = running.filter((row) => joined(row).length > 0);
  const order = [...known.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const place = new Map(order.map((row, at) => [row.name, at]));
  const mean = (row: ContainerRow) => {
    const places = joined(row).map((name) => place.get(name) ?? 0);
    return places.reduce((sum, at) => sum + at, 0) / places.length;
  };
  connected.sort((a, b) => mean(a) - mean(b) || (a.name < b.name ? -1 : 1));
  return {
    members: connected.map((row, at) => ({ row, at, networks: joined(row) })),
    networks: order.map((row, at) => ({
      row,
      at,
      members: connected.filter((member) => member.networks.includes(row.name)).map((member) => member.id),
    })),
    alone,
  };
}

/** Those that a container reaches by its networks. */
export function neighbours(graph: NetworkGraph, id: string): Set<string> {
  const own = graph.members.find((member) => member.row.id === id);
  const shared = graph.networks.filter((network) => own?.networks.includes(network.row.name));
  const found = new Set(shared.flatMap((network) => network.members));
  found.delete(id);
  return found;
}
