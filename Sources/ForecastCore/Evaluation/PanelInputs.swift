import FleetModel

/// What of a panel a forecaster is shown: all, or less of it in an ablation. What comes true stays the same.
package enum PanelInputs: CaseIterable, Sendable {
    /// GPU memory and compute, of instances that are all of one application type.
    case gpu
    /// The same, with CPU, memory and network of the host.
    case gpuAndHost
    /// With application type, work in flight and user as well.
    case all
}

extension DemandPanel {
    /// The panel with `inputs` only.
    package func showing(_ inputs: PanelInputs) -> DemandPanel {
        guard inputs != .all else { return self }
        let instances = instances.map { instance in
            InstanceDescription(
                id: instance.id, tenant: instance.tenant, application: ApplicationType(unchecked: "any"),
                priorityClass: instance.priorityClass)
        }
        let observations = observations.map { series in
            series.map { observation in
                var shown = observation
                shown.workInFlight = nil
                shown.userIdleSeconds = nil
                guard inputs == .gpu else { return shown }
                shown.cpuMilli = nil
                shown.hostMemory = nil
                shown.networkIn = nil
                shown.networkOut = nil
                return shown
            }
        }
        return DemandPanel(instances: instances, observations: observations) ?? self
    }
}
