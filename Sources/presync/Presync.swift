@main struct Presync { static func main() {} }
