/// A way of choosing servers: it scores one server at a time for one request, and the highest score wins.
///
/// A ``ServerFleet`` calls it: ``adapt(to:)`` when servers have come or gone, ``standing(of:)`` when a server has
/// changed, and ``candidate(for:on:)`` whenever a score is missing or out of date. An implementer guarantees that a
/// candidate depends on nothing but the arguments and the last adaptation, and that it never names a place where the
/// request does not fit: scores are kept for as long as the server stays as it is.
package protocol PlacementPolicy: Sendable {
    /// How ties are broken.
    var ties: PlacementTies { get }

    /// Takes note of which servers there are.
    mutating func adapt(to fleet: FleetShape)

    /// What every score on this server starts from, whatever the request; it is kept with the server.
    func standing(of server: ServerState) -> Int

    /// The best way of placing the request on this server, or nil where it does not fit.
    func candidate(for shape: RequestShape, on offer: ServerOffer) -> PlacementCandidate?
}

/// A server as a policy sees it.
package struct ServerOffer: Sendable {
    package var state: ServerState
    package var kind: ServerKind
    /// What the policy's ``PlacementPolicy/standing(of:)`` says of the state.
    package var standing: Int

    package init(state: ServerState, kind: ServerKind, standing: Int) {
        self.state = state
        self.kind = kind
        self.standing = standing
    }
}

extension PlacementPolicy {
    package var ties: PlacementTies { .firstServer }
    package mutating func adapt(to fleet: FleetShape) {}
    package func standing(of server: ServerState) -> Int { 0 }
}

/// One server's offer.
package struct PlacementCandidate: Hashable, Sendable {
    /// Higher is better; only compared between servers for one request.
    package var score: Int
    package var place: DevicePlace

    package init(score: Int, place: DevicePlace) {
        self.score = score
        self.place = place
    }
}

/// Which of several servers with the highest score is taken.
package enum PlacementTies: Hashable, Sendable {
    /// The one that joined first.
    case firstServer
    /// Any, each as likely: drawn from the fleet's own seeded sequence.
    case drawn
}

/// What a fleet is made of, as far as a policy may know.
package struct FleetShape: Hashable, Sendable {
    /// Every kind of server; ``ServerState/kind`` is an index into it.
    package var kinds: [ServerKind]
    /// The devices of each kind over all servers, in the same order.
    package var devices: [Int]

    package init(kinds: [ServerKind], devices: [Int]) {
        precondition(kinds.count == devices.count)
        self.kinds = kinds
        self.devices = devices
    }
}
