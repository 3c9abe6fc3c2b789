/// How many programs may be connected to the agent's socket at once.
package struct HandOverLimits: Hashable, Sendable {
    package var connections: Int
    package var connectionsPerInstance: Int
    /// Of programs that belong to no instance and have not registered as one.
    package var unidentifiedConnections: Int

    package init(connections: Int = 1_024, connectionsPerInstance: Int = 128, unidentifiedConnections: Int = 64) {
        self.connections = connections
        self.connectionsPerInstance = connectionsPerInstance
        self.unidentifiedConnections = unidentifiedConnections
    }
}
