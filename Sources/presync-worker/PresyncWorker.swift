@main struct PresyncWorker { static func main() {} }
