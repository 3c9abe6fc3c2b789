/// The version of this build, as peers and people see it.
enum SoftwareVersion {
    static let text = "0.1.0"
}
