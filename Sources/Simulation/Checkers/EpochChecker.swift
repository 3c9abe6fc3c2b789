import FleetModel

/// Design 6.1: a GPU server never acts on an epoch older than it has seen, nor before it is durable that it has seen it;
/// and no manager uses an epoch twice.
struct EpochChecker: Checker {
    private struct CommandKey: Hashable {
        var grant: GrantID
        var epoch: Epoch
    }

    private var newestReceived: [DeviceID: Epoch] = [:]
    private var durable: [DeviceID: Epoch] = [:]
    /// Commands that were new when they came, at least once: what they led to is lawful, however late it shows.
    private var receivedInOrder: Set<CommandKey> = []
    private var newestCommanded: [UInt64: Epoch] = [:]

    mutating func observe(_ fact: Fact, now: MonotonicTime, local: MonotonicTime) -> (Violation.Rule, String)? {
        switch fact {
        case .managerCommanded(let command):
            let newest = newestCommanded[command.epoch.term] ?? .zero
            newestCommanded[command.epoch.term] = max(newest, command.epoch)
            guard command.epoch <= newest else { return nil }
            return (.epoch, "a manager commanded \(command.grant) under \(command.epoch) after \(newest)")
        case .commandReceived(let command):
            let newest = newestReceived[command.device] ?? .zero
            guard command.epoch >= newest else { return nil }
            newestReceived[command.device] = command.epoch
            receivedInOrder.insert(CommandKey(grant: command.grant, epoch: command.epoch))
            return nil
        case .epochDurable(let device, let epoch):
            durable[device] = max(durable[device] ?? .zero, epoch)
            return nil
        case .workerOrdered(let command):
            guard isLawful(command.grant, command.epoch) else {
                return (.epoch, "\(command.device) started \(command.grant) for the old epoch \(command.epoch)")
            }
            let bound = durable[command.device] ?? .zero
            guard bound < command.epoch else { return nil }
            return (.epoch, "\(command.device) obeyed \(command.epoch) while only \(bound) was durable")
        case .commandAnswered(_, let answer):
            guard case .inForce = answer.outcome, !isLawful(answer.grant, answer.epoch) else { return nil }
            return (.epoch, "the old epoch \(answer.epoch) of \(answer.grant) was put in force")
        default:
            return nil
        }
    }

    private func isLawful(_ grant: GrantID, _ epoch: Epoch) -> Bool {
        receivedInOrder.contains(CommandKey(grant: grant, epoch: epoch))
    }
}
