// The command line's root.
import ArgumentParser

struct Freeinference: ParsableCommand {
    static let configuration = CommandConfiguration(commandName: "freeinference", subcommands: [ExecutorCommand.self])
}

Freeinference.main()
