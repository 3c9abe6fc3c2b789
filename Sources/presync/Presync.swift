import Commands

@main
struct Presync {
    static func main() async { await CommandLineTool.run() }
}
