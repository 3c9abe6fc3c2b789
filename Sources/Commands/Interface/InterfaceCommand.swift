import ArgumentParser

/// `presync interface`.
struct InterfaceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "interface", abstract: "Interface versions: the trusted repository that they come from.",
        discussion: """
            Set one up:               presync interface create repository
            Publish this build:       presync interface publish repository
            Make bundles in a store:  presync interface build store
            Stop a version's use:     presync interface revoke repository opencl 1.2.0 --reason 'wrong results'
            See what is published:    presync interface list repository
            Check all of it:          presync interface verify repository
            Keep it from expiring:    presync interface refresh-metadata repository     (daily)
            Try it on the devices:    presync interface self-test
            Replace a key:            presync interface keys rotate repository timestamp

            A repository is a folder of files that any web server can serve. Private keys lie elsewhere: in
            REPOSITORY-keys, or where --keys says.
            """,
        subcommands: [
            InterfaceCreateCommand.self, InterfacePublishCommand.self, InterfaceRevokeCommand.self,
            InterfaceListCommand.self, InterfaceShowCommand.self, InterfaceVerifyCommand.self,
            InterfaceKeysCommand.self, InterfaceRefreshMetadataCommand.self, InterfaceRootCommand.self,
            InterfaceClientCommand.self, InterfaceBuildCommand.self, InterfaceWhyCommand.self, InterfacePinCommand.self,
            InterfaceUnpinCommand.self, InterfacePinsCommand.self, InterfaceSelfTestCommand.self,
            InterfaceSelfTestDeviceCommand.self,
        ])
}
