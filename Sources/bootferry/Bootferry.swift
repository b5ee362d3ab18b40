import Commands

@main struct Bootferry {
    static func main() async { await BootferryCommand.launch() }
}
