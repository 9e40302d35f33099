# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_creel_global_optspecs
    string join \n json color= progress= progress-interval= q/quiet v/verbose log-format= lock-timeout= read-only allow-hard-links force-network sync= no-input h/help V/version
end

function __fish_creel_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_creel_global_optspecs) -- $cmd 2>/dev/null
    or begin
        set -q cmd[1]
        or return
        set -e cmd[-1]
        argparse -s (__fish_creel_global_optspecs) -- $cmd 2>/dev/null
        or return
    end
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_creel_using_subcommand
    set -l cmd (__fish_creel_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c creel -n "__fish_creel_needs_command" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_needs_command" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_needs_command" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_needs_command" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_needs_command" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_needs_command" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_needs_command" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_needs_command" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_needs_command" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_needs_command" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_needs_command" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_needs_command" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_needs_command" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_needs_command" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_needs_command" -s V -l version -d 'Print version'
complete -c creel -n "__fish_creel_needs_command" -f -a "open" -d 'Make a database, or open one and say what recovery did'
complete -c creel -n "__fish_creel_needs_command" -f -a "put" -d 'Store a value under a key'
complete -c creel -n "__fish_creel_needs_command" -f -a "get" -d 'Print the value of a key'
complete -c creel -n "__fish_creel_needs_command" -f -a "delete" -d 'Remove keys'
complete -c creel -n "__fish_creel_needs_command" -f -a "del" -d 'Remove keys'
complete -c creel -n "__fish_creel_needs_command" -f -a "rm" -d 'Remove keys'
complete -c creel -n "__fish_creel_needs_command" -f -a "exists" -d 'Say by the exit status whether a key exists'
complete -c creel -n "__fish_creel_needs_command" -f -a "list" -d 'Print entries in key order'
complete -c creel -n "__fish_creel_needs_command" -f -a "scan" -d 'Print entries in key order'
complete -c creel -n "__fish_creel_needs_command" -f -a "keys" -d 'Print entries in key order'
complete -c creel -n "__fish_creel_needs_command" -f -a "batch" -d 'Run many puts and deletes from a file or standard input'
complete -c creel -n "__fish_creel_needs_command" -f -a "import" -d 'Take in records from files or standard input'
complete -c creel -n "__fish_creel_needs_command" -f -a "load" -d 'Take in records from files or standard input'
complete -c creel -n "__fish_creel_needs_command" -f -a "export" -d 'Write the entries as text'
complete -c creel -n "__fish_creel_needs_command" -f -a "dump" -d 'Write the entries as text'
complete -c creel -n "__fish_creel_needs_command" -f -a "digest" -d 'Print a hash of the entries, the same for a database and its exports'
complete -c creel -n "__fish_creel_needs_command" -f -a "diff" -d 'Compare two databases or exports, entry by entry'
complete -c creel -n "__fish_creel_needs_command" -f -a "backup" -d 'Copy a database that is in use to a new file'
complete -c creel -n "__fish_creel_needs_command" -f -a "drill" -d 'Prove that a backup or export can be restored, and measure it'
complete -c creel -n "__fish_creel_needs_command" -f -a "replicate" -d 'Keep copies of a database that follow it'
complete -c creel -n "__fish_creel_needs_command" -f -a "promote" -d 'Make a copy the primary, in a new epoch'
complete -c creel -n "__fish_creel_needs_command" -f -a "log" -d 'Look at commits that rejoining took back, and make them again'
complete -c creel -n "__fish_creel_needs_command" -f -a "restore" -d 'Make a database file of any moment that a store still has'
complete -c creel -n "__fish_creel_needs_command" -f -a "keyspaces" -d 'List the keyspaces and how many entries each has'
complete -c creel -n "__fish_creel_needs_command" -f -a "info" -d 'Show what the header says, without lock or recovery'
complete -c creel -n "__fish_creel_needs_command" -f -a "stats" -d 'Show where the space goes'
complete -c creel -n "__fish_creel_needs_command" -f -a "checkpoint" -d 'Move committed entries from the log into the tree'
complete -c creel -n "__fish_creel_needs_command" -f -a "compact" -d 'Give free space back, in place or as a dense copy'
complete -c creel -n "__fish_creel_needs_command" -f -a "verify" -d 'Check the file and give a verdict'
complete -c creel -n "__fish_creel_needs_command" -f -a "check" -d 'Check the file and give a verdict'
complete -c creel -n "__fish_creel_needs_command" -f -a "salvage" -d 'Save what can be read of a damaged file into a new one'
complete -c creel -n "__fish_creel_needs_command" -f -a "inspect" -d 'Dump a header, page, log frame or the free list with notes'
complete -c creel -n "__fish_creel_needs_command" -f -a "doctor" -d 'Try what creel needs of this machine and a directory'
complete -c creel -n "__fish_creel_needs_command" -f -a "soak" -d 'A long test run that can fail: an oracle, faults, kills, measurements'
complete -c creel -n "__fish_creel_needs_command" -f -a "explain" -d 'Explain an exit status, an error code, a fault of an input or an invariant'
complete -c creel -n "__fish_creel_needs_command" -f -a "schema" -d 'Print the JSON Schema of an output, or list them'
complete -c creel -n "__fish_creel_needs_command" -f -a "version" -d 'Print version and file formats'
complete -c creel -n "__fish_creel_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c creel -n "__fish_creel_using_subcommand open" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand open" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand open" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand open" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand open" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand open" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand open" -l page-size -d 'Size of a page, 4KiB to 64KiB; larger pages allow longer keys [default: 4KiB]' -r
complete -c creel -n "__fish_creel_using_subcommand open" -l wal-size -d 'Size of each of the two log regions at the start [default: 512KiB]' -r
complete -c creel -n "__fish_creel_using_subcommand open" -l role -d 'The role of the file [default: standalone]' -r -f -a "standalone\t'A database on its own'
primary\t'One that replicas may follow'"
complete -c creel -n "__fish_creel_using_subcommand open" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand open" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand open" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand open" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand open" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand open" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand open" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand open" -l create -d 'Make the file; fails where it exists'
complete -c creel -n "__fish_creel_using_subcommand open" -l if-not-exists -d 'With --create: an existing database is fine'
complete -c creel -n "__fish_creel_using_subcommand open" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c creel -n "__fish_creel_using_subcommand put" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand put" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand put" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand put" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand put" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand put" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand put" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand put" -l key-file -d 'Read the key from a file; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand put" -l value-file -d 'Read the value from a file; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand put" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand put" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand put" -l val-enc -d 'Encoding of values, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand put" -l if-equals -d 'Store only where the value is this one now; otherwise exit 1' -r
complete -c creel -n "__fish_creel_using_subcommand put" -l ack -d 'Done when: local, replica:N (N copies that follow `replicate serve` have it), published (the store of `replicate serve --publish` has it), or published+replica:N' -r
complete -c creel -n "__fish_creel_using_subcommand put" -l ack-timeout -d 'How long to wait for copies and store; then the outcome is not known, exit 14' -r
complete -c creel -n "__fish_creel_using_subcommand put" -l on-ack-timeout -d 'What to do when copies do not confirm in time: fail, degrade or wait' -r -f -a "fail\t'The outcome is not known: exit 14'
degrade\t'It counts as done, with a message'
wait\t'Go on waiting'"
complete -c creel -n "__fish_creel_using_subcommand put" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand put" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand put" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand put" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand put" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand put" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand put" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand put" -l if-absent -d 'Store only where the key does not exist; otherwise exit 1'
complete -c creel -n "__fish_creel_using_subcommand put" -l if-exists -d 'Store only where the key exists; otherwise exit 1'
complete -c creel -n "__fish_creel_using_subcommand put" -l token -d 'Print the token of the commit, for example 3:812:9f31c0aa'
complete -c creel -n "__fish_creel_using_subcommand put" -l no-checkpoint -d 'Leave the log as it is, even where it is due to be folded into the tree'
complete -c creel -n "__fish_creel_using_subcommand put" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand get" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand get" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand get" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand get" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand get" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l read -d 'Which commits are seen: local, or only those that the store has which they are published to (published), so that no fail-over loses what was seen' -r -f -a "local\t'All that are committed here'
published\t'Those that the store has'"
complete -c creel -n "__fish_creel_using_subcommand get" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand get" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand get" -l key-file -d 'Read the key from a file; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand get" -l keys-from -d 'Read many keys, one a line and escaped as `list` prints them; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand get" -l wait-for -d 'Wait until the database has the commit that put --token printed, perhaps elsewhere' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l timeout -d 'How long to wait for it [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l default -d 'Print this where the key is absent, and exit 0' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l offset -d 'Skip this many bytes of the value' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l length -d 'Print at most this many bytes of the value' -r
complete -c creel -n "__fish_creel_using_subcommand get" -l out -d 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'
json\t'A JSON object, as with --json'"
complete -c creel -n "__fish_creel_using_subcommand get" -s o -d 'Write to this file: all of it or nothing' -r -F
complete -c creel -n "__fish_creel_using_subcommand get" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand get" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand get" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand get" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand get" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand get" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand get" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand get" -l redact -d 'Print length and digest in place of keys and values'
complete -c creel -n "__fish_creel_using_subcommand get" -l newline -d 'Add a line end to the value'
complete -c creel -n "__fish_creel_using_subcommand get" -l force -d 'Replace an existing file'
complete -c creel -n "__fish_creel_using_subcommand get" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand delete" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand delete" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand delete" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand delete" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand delete" -l key-file -d 'Read the key from a file; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand delete" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand delete" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand delete" -l expect -d 'Delete only where exactly this many would go; otherwise exit 1' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l ack -d 'Done when: local, replica:N (N copies that follow `replicate serve` have it), published (the store of `replicate serve --publish` has it), or published+replica:N' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l ack-timeout -d 'How long to wait for copies and store; then the outcome is not known, exit 14' -r
complete -c creel -n "__fish_creel_using_subcommand delete" -l on-ack-timeout -d 'What to do when copies do not confirm in time: fail, degrade or wait' -r -f -a "fail\t'The outcome is not known: exit 14'
degrade\t'It counts as done, with a message'
wait\t'Go on waiting'"
complete -c creel -n "__fish_creel_using_subcommand delete" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand delete" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand delete" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand delete" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand delete" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand delete" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand delete" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand delete" -l dry-run -d 'Say how many would go, and change nothing'
complete -c creel -n "__fish_creel_using_subcommand delete" -l must-exist -d 'Delete only where every key exists; otherwise exit 1'
complete -c creel -n "__fish_creel_using_subcommand delete" -s y -l yes -d 'Delete a range without asking'
complete -c creel -n "__fish_creel_using_subcommand delete" -l token -d 'Print the token of the commit, for example 3:812:9f31c0aa'
complete -c creel -n "__fish_creel_using_subcommand delete" -l no-checkpoint -d 'Leave the log as it is, even where it is due to be folded into the tree'
complete -c creel -n "__fish_creel_using_subcommand delete" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand del" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand del" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand del" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand del" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand del" -l key-file -d 'Read the key from a file; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand del" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand del" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand del" -l expect -d 'Delete only where exactly this many would go; otherwise exit 1' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l ack -d 'Done when: local, replica:N (N copies that follow `replicate serve` have it), published (the store of `replicate serve --publish` has it), or published+replica:N' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l ack-timeout -d 'How long to wait for copies and store; then the outcome is not known, exit 14' -r
complete -c creel -n "__fish_creel_using_subcommand del" -l on-ack-timeout -d 'What to do when copies do not confirm in time: fail, degrade or wait' -r -f -a "fail\t'The outcome is not known: exit 14'
degrade\t'It counts as done, with a message'
wait\t'Go on waiting'"
complete -c creel -n "__fish_creel_using_subcommand del" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand del" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand del" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand del" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand del" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand del" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand del" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand del" -l dry-run -d 'Say how many would go, and change nothing'
complete -c creel -n "__fish_creel_using_subcommand del" -l must-exist -d 'Delete only where every key exists; otherwise exit 1'
complete -c creel -n "__fish_creel_using_subcommand del" -s y -l yes -d 'Delete a range without asking'
complete -c creel -n "__fish_creel_using_subcommand del" -l token -d 'Print the token of the commit, for example 3:812:9f31c0aa'
complete -c creel -n "__fish_creel_using_subcommand del" -l no-checkpoint -d 'Leave the log as it is, even where it is due to be folded into the tree'
complete -c creel -n "__fish_creel_using_subcommand del" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand rm" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand rm" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand rm" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand rm" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand rm" -l key-file -d 'Read the key from a file; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand rm" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand rm" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand rm" -l expect -d 'Delete only where exactly this many would go; otherwise exit 1' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l ack -d 'Done when: local, replica:N (N copies that follow `replicate serve` have it), published (the store of `replicate serve --publish` has it), or published+replica:N' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l ack-timeout -d 'How long to wait for copies and store; then the outcome is not known, exit 14' -r
complete -c creel -n "__fish_creel_using_subcommand rm" -l on-ack-timeout -d 'What to do when copies do not confirm in time: fail, degrade or wait' -r -f -a "fail\t'The outcome is not known: exit 14'
degrade\t'It counts as done, with a message'
wait\t'Go on waiting'"
complete -c creel -n "__fish_creel_using_subcommand rm" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand rm" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand rm" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand rm" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand rm" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand rm" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand rm" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand rm" -l dry-run -d 'Say how many would go, and change nothing'
complete -c creel -n "__fish_creel_using_subcommand rm" -l must-exist -d 'Delete only where every key exists; otherwise exit 1'
complete -c creel -n "__fish_creel_using_subcommand rm" -s y -l yes -d 'Delete a range without asking'
complete -c creel -n "__fish_creel_using_subcommand rm" -l token -d 'Print the token of the commit, for example 3:812:9f31c0aa'
complete -c creel -n "__fish_creel_using_subcommand rm" -l no-checkpoint -d 'Leave the log as it is, even where it is due to be folded into the tree'
complete -c creel -n "__fish_creel_using_subcommand rm" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand exists" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand exists" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand exists" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand exists" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand exists" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand exists" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand exists" -l key-file -d 'Read the key from a file; - is standard input' -r -F
complete -c creel -n "__fish_creel_using_subcommand exists" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand exists" -l read -d 'Which commits are seen: local, or only those that the store has which they are published to (published), so that no fail-over loses what was seen' -r -f -a "local\t'All that are committed here'
published\t'Those that the store has'"
complete -c creel -n "__fish_creel_using_subcommand exists" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand exists" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand exists" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand exists" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand exists" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand exists" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand exists" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand exists" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand exists" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand exists" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand list" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand list" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand list" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand list" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand list" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l after -d 'Only keys after this one, for paging' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l glob -d 'Only keys that match a pattern: * any bytes, ? one byte, [a-z] a class' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l limit -d 'Stop after this many entries' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand list" -l read -d 'Which commits are seen: local, or only those that the store has which they are published to (published), so that no fail-over loses what was seen' -r -f -a "local\t'All that are committed here'
published\t'Those that the store has'"
complete -c creel -n "__fish_creel_using_subcommand list" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand list" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand list" -l out -d 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'
json\t'A JSON object, as with --json'"
complete -c creel -n "__fish_creel_using_subcommand list" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand list" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand list" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand list" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand list" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand list" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand list" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand list" -l reverse -d 'Go from the last key to the first'
complete -c creel -n "__fish_creel_using_subcommand list" -l values -d 'Print values only'
complete -c creel -n "__fish_creel_using_subcommand list" -l keys-only -d 'Print keys only'
complete -c creel -n "__fish_creel_using_subcommand list" -l sizes -d 'Print keys and the sizes of their values'
complete -c creel -n "__fish_creel_using_subcommand list" -l count -d 'Print only how many there are'
complete -c creel -n "__fish_creel_using_subcommand list" -s 0 -l null -d 'Print raw bytes, each field ended by a zero byte'
complete -c creel -n "__fish_creel_using_subcommand list" -l redact -d 'Print length and digest in place of keys and values'
complete -c creel -n "__fish_creel_using_subcommand list" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand scan" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l after -d 'Only keys after this one, for paging' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l glob -d 'Only keys that match a pattern: * any bytes, ? one byte, [a-z] a class' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l limit -d 'Stop after this many entries' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand scan" -l read -d 'Which commits are seen: local, or only those that the store has which they are published to (published), so that no fail-over loses what was seen' -r -f -a "local\t'All that are committed here'
published\t'Those that the store has'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l out -d 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'
json\t'A JSON object, as with --json'"
complete -c creel -n "__fish_creel_using_subcommand scan" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand scan" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand scan" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand scan" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand scan" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand scan" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand scan" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand scan" -l reverse -d 'Go from the last key to the first'
complete -c creel -n "__fish_creel_using_subcommand scan" -l values -d 'Print values only'
complete -c creel -n "__fish_creel_using_subcommand scan" -l keys-only -d 'Print keys only'
complete -c creel -n "__fish_creel_using_subcommand scan" -l sizes -d 'Print keys and the sizes of their values'
complete -c creel -n "__fish_creel_using_subcommand scan" -l count -d 'Print only how many there are'
complete -c creel -n "__fish_creel_using_subcommand scan" -s 0 -l null -d 'Print raw bytes, each field ended by a zero byte'
complete -c creel -n "__fish_creel_using_subcommand scan" -l redact -d 'Print length and digest in place of keys and values'
complete -c creel -n "__fish_creel_using_subcommand scan" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand keys" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l after -d 'Only keys after this one, for paging' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l glob -d 'Only keys that match a pattern: * any bytes, ? one byte, [a-z] a class' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l limit -d 'Stop after this many entries' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand keys" -l read -d 'Which commits are seen: local, or only those that the store has which they are published to (published), so that no fail-over loses what was seen' -r -f -a "local\t'All that are committed here'
published\t'Those that the store has'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l out -d 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'
json\t'A JSON object, as with --json'"
complete -c creel -n "__fish_creel_using_subcommand keys" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand keys" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand keys" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand keys" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand keys" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand keys" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand keys" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand keys" -l reverse -d 'Go from the last key to the first'
complete -c creel -n "__fish_creel_using_subcommand keys" -l values -d 'Print values only'
complete -c creel -n "__fish_creel_using_subcommand keys" -l keys-only -d 'Print keys only'
complete -c creel -n "__fish_creel_using_subcommand keys" -l sizes -d 'Print keys and the sizes of their values'
complete -c creel -n "__fish_creel_using_subcommand keys" -l count -d 'Print only how many there are'
complete -c creel -n "__fish_creel_using_subcommand keys" -s 0 -l null -d 'Print raw bytes, each field ended by a zero byte'
complete -c creel -n "__fish_creel_using_subcommand keys" -l redact -d 'Print length and digest in place of keys and values'
complete -c creel -n "__fish_creel_using_subcommand keys" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand batch" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand batch" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand batch" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand batch" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand batch" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand batch" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand batch" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand batch" -l every -d 'Commit after every N lines; without it all lines are one commit' -r
complete -c creel -n "__fish_creel_using_subcommand batch" -l ack -d 'Done when: local, replica:N (N copies that follow `replicate serve` have it), published (the store of `replicate serve --publish` has it), or published+replica:N' -r
complete -c creel -n "__fish_creel_using_subcommand batch" -l ack-timeout -d 'How long to wait for copies and store; then the outcome is not known, exit 14' -r
complete -c creel -n "__fish_creel_using_subcommand batch" -l on-ack-timeout -d 'What to do when copies do not confirm in time: fail, degrade or wait' -r -f -a "fail\t'The outcome is not known: exit 14'
degrade\t'It counts as done, with a message'
wait\t'Go on waiting'"
complete -c creel -n "__fish_creel_using_subcommand batch" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand batch" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand batch" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand batch" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand batch" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand batch" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand batch" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand batch" -l token -d 'Print the token of the last commit, for example 3:812:9f31c0aa'
complete -c creel -n "__fish_creel_using_subcommand batch" -l no-checkpoint -d 'Leave the log as it is, even where it is due to be folded into the tree'
complete -c creel -n "__fish_creel_using_subcommand batch" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand import" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand import" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand import" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand import" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand import" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l batch -d 'Commit after every N records (10k) or bytes of keys and values (8MiB)' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l expect -d 'Fail unless the input has exactly N records' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l sort-memory -d 'Memory for sorting; more goes to a scratch file beside the database [default: 256MiB]' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l ack -d 'Done when: local, replica:N (N copies that follow `replicate serve` have it), published (the store of `replicate serve --publish` has it), or published+replica:N' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l ack-timeout -d 'How long to wait for copies and store; then the outcome is not known, exit 14' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l on-ack-timeout -d 'What to do when copies do not confirm in time: fail, degrade or wait' -r -f -a "fail\t'The outcome is not known: exit 14'
degrade\t'It counts as done, with a message'
wait\t'Go on waiting'"
complete -c creel -n "__fish_creel_using_subcommand import" -l format -d 'Format: jsonl, mdb, csv, tsv or raw [default: what name or first bytes say]' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l enc -d 'How cells of csv and tsv are written: raw, hex, base64 or escape [default: raw, tsv: escape]' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l field-map -d 'Take records from fields of any JSON: key=FIELD, and payload=FIELD unless the whole object is the value' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l max-line -d 'Refuse longer lines [default: 64MiB]' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l if-exists -d 'What to do about keys of the database: overwrite, keep, error, or same (an error unless the value is equal)' -r -f -a "overwrite\t'Replace the value'
keep\t'Leave the value as it is'
error\t'Count the record as bad'
same\t'Count the record as bad unless the value is equal'"
complete -c creel -n "__fish_creel_using_subcommand import" -l duplicates -d 'Which of several records with one key counts: last, first or error [default: last]' -r -f -a "last\t'The last'
first\t'The first'
error\t'The first, and the others are bad'"
complete -c creel -n "__fish_creel_using_subcommand import" -l on-error -d 'What to do about bad lines: stop, skip, or reject (set aside in --rejects FILE) [default: stop]' -r -f -a "stop\t'End the import'
skip\t'Pass over the line'
reject\t'Set the line aside'"
complete -c creel -n "__fish_creel_using_subcommand import" -l rejects -d 'Write bad lines to this file, which can be repaired and imported' -r -F
complete -c creel -n "__fish_creel_using_subcommand import" -l reject-bytes -d 'Keep at most this much of a bad line [default: 64KiB]' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l max-errors -d 'Stop after more bad lines than this, a number or a share of all' -r
complete -c creel -n "__fish_creel_using_subcommand import" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand import" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand import" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand import" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand import" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand import" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand import" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand import" -l create -d 'Make the database if it does not exist'
complete -c creel -n "__fish_creel_using_subcommand import" -l atomic -d 'Make one step of all files; without it each file is one'
complete -c creel -n "__fish_creel_using_subcommand import" -l resume -d 'Go on where an earlier import of the same input ended'
complete -c creel -n "__fish_creel_using_subcommand import" -l dry-run -d 'Read and check everything, write nothing'
complete -c creel -n "__fish_creel_using_subcommand import" -l token -d 'Print the token of the last commit, for example 3:812:9f31c0aa'
complete -c creel -n "__fish_creel_using_subcommand import" -l no-checkpoint -d 'Leave the log as it is, even where it is due to be folded into the tree'
complete -c creel -n "__fish_creel_using_subcommand import" -l header -d 'Pass over the first line of csv and tsv'
complete -c creel -n "__fish_creel_using_subcommand import" -l bare -d 'Refuse an input that has a header or a trailer; it may be empty then'
complete -c creel -n "__fish_creel_using_subcommand import" -l sorted -d 'Refuse an input that is not in key order'
complete -c creel -n "__fish_creel_using_subcommand import" -l allow-truncated -d 'Take in what there is of an input that is cut short (exit status 3)'
complete -c creel -n "__fish_creel_using_subcommand import" -l allow-gap -d 'Take in changes that do not lead on from what was imported before'
complete -c creel -n "__fish_creel_using_subcommand import" -l force -d 'Replace an existing rejects file'
complete -c creel -n "__fish_creel_using_subcommand import" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand load" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand load" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand load" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand load" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand load" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l batch -d 'Commit after every N records (10k) or bytes of keys and values (8MiB)' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l expect -d 'Fail unless the input has exactly N records' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l sort-memory -d 'Memory for sorting; more goes to a scratch file beside the database [default: 256MiB]' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l ack -d 'Done when: local, replica:N (N copies that follow `replicate serve` have it), published (the store of `replicate serve --publish` has it), or published+replica:N' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l ack-timeout -d 'How long to wait for copies and store; then the outcome is not known, exit 14' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l on-ack-timeout -d 'What to do when copies do not confirm in time: fail, degrade or wait' -r -f -a "fail\t'The outcome is not known: exit 14'
degrade\t'It counts as done, with a message'
wait\t'Go on waiting'"
complete -c creel -n "__fish_creel_using_subcommand load" -l format -d 'Format: jsonl, mdb, csv, tsv or raw [default: what name or first bytes say]' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l enc -d 'How cells of csv and tsv are written: raw, hex, base64 or escape [default: raw, tsv: escape]' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l field-map -d 'Take records from fields of any JSON: key=FIELD, and payload=FIELD unless the whole object is the value' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l max-line -d 'Refuse longer lines [default: 64MiB]' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l if-exists -d 'What to do about keys of the database: overwrite, keep, error, or same (an error unless the value is equal)' -r -f -a "overwrite\t'Replace the value'
keep\t'Leave the value as it is'
error\t'Count the record as bad'
same\t'Count the record as bad unless the value is equal'"
complete -c creel -n "__fish_creel_using_subcommand load" -l duplicates -d 'Which of several records with one key counts: last, first or error [default: last]' -r -f -a "last\t'The last'
first\t'The first'
error\t'The first, and the others are bad'"
complete -c creel -n "__fish_creel_using_subcommand load" -l on-error -d 'What to do about bad lines: stop, skip, or reject (set aside in --rejects FILE) [default: stop]' -r -f -a "stop\t'End the import'
skip\t'Pass over the line'
reject\t'Set the line aside'"
complete -c creel -n "__fish_creel_using_subcommand load" -l rejects -d 'Write bad lines to this file, which can be repaired and imported' -r -F
complete -c creel -n "__fish_creel_using_subcommand load" -l reject-bytes -d 'Keep at most this much of a bad line [default: 64KiB]' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l max-errors -d 'Stop after more bad lines than this, a number or a share of all' -r
complete -c creel -n "__fish_creel_using_subcommand load" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand load" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand load" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand load" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand load" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand load" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand load" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand load" -l create -d 'Make the database if it does not exist'
complete -c creel -n "__fish_creel_using_subcommand load" -l atomic -d 'Make one step of all files; without it each file is one'
complete -c creel -n "__fish_creel_using_subcommand load" -l resume -d 'Go on where an earlier import of the same input ended'
complete -c creel -n "__fish_creel_using_subcommand load" -l dry-run -d 'Read and check everything, write nothing'
complete -c creel -n "__fish_creel_using_subcommand load" -l token -d 'Print the token of the last commit, for example 3:812:9f31c0aa'
complete -c creel -n "__fish_creel_using_subcommand load" -l no-checkpoint -d 'Leave the log as it is, even where it is due to be folded into the tree'
complete -c creel -n "__fish_creel_using_subcommand load" -l header -d 'Pass over the first line of csv and tsv'
complete -c creel -n "__fish_creel_using_subcommand load" -l bare -d 'Refuse an input that has a header or a trailer; it may be empty then'
complete -c creel -n "__fish_creel_using_subcommand load" -l sorted -d 'Refuse an input that is not in key order'
complete -c creel -n "__fish_creel_using_subcommand load" -l allow-truncated -d 'Take in what there is of an input that is cut short (exit status 3)'
complete -c creel -n "__fish_creel_using_subcommand load" -l allow-gap -d 'Take in changes that do not lead on from what was imported before'
complete -c creel -n "__fish_creel_using_subcommand load" -l force -d 'Replace an existing rejects file'
complete -c creel -n "__fish_creel_using_subcommand load" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand export" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand export" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand export" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand export" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand export" -s o -d 'Write to this file: all of it or nothing' -r -F
complete -c creel -n "__fish_creel_using_subcommand export" -l format -d 'Format to write: jsonl, mdb, csv, tsv or raw' -r -f -a "jsonl\t'JSON lines between a header and a trailer'
mdb\t'What mdb_load reads'
csv\t'Comma-separated values'
tsv\t'Escaped lines, as `list` prints them'
raw\t'Lengths and bytes'"
complete -c creel -n "__fish_creel_using_subcommand export" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l key-enc -d 'Encoding of the keys given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand export" -l keyspace -d 'Only this keyspace [default: all]' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l enc -d 'How bytes are written. jsonl: base64, utf8, hex or auto; csv: utf8, base64 or hex; mdb: hex or print' -r -f -a "base64\t'Standard base64'
utf8\t'Text'
hex\t'Hexadecimal digits'
auto\t'Text where that is possible, base64 elsewhere'
print\t'LMDB\'s form for printing'"
complete -c creel -n "__fish_creel_using_subcommand export" -l since -d 'Only what changed since this position, which an export or creel digest --json names' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l compress -d 'How to pack the file: none, gzip, zstd or zstd:LEVEL [default: by the name after -o, .gz or .zst]' -r
complete -c creel -n "__fish_creel_using_subcommand export" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand export" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand export" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand export" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand export" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand export" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand export" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand export" -l force -d 'Replace an existing file'
complete -c creel -n "__fish_creel_using_subcommand export" -l bare -d 'Leave out header and trailer (jsonl) or the heading (csv)'
complete -c creel -n "__fish_creel_using_subcommand export" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand dump" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand dump" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand dump" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand dump" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand dump" -s o -d 'Write to this file: all of it or nothing' -r -F
complete -c creel -n "__fish_creel_using_subcommand dump" -l format -d 'Format to write: jsonl, mdb, csv, tsv or raw' -r -f -a "jsonl\t'JSON lines between a header and a trailer'
mdb\t'What mdb_load reads'
csv\t'Comma-separated values'
tsv\t'Escaped lines, as `list` prints them'
raw\t'Lengths and bytes'"
complete -c creel -n "__fish_creel_using_subcommand dump" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l key-enc -d 'Encoding of the keys given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand dump" -l keyspace -d 'Only this keyspace [default: all]' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l enc -d 'How bytes are written. jsonl: base64, utf8, hex or auto; csv: utf8, base64 or hex; mdb: hex or print' -r -f -a "base64\t'Standard base64'
utf8\t'Text'
hex\t'Hexadecimal digits'
auto\t'Text where that is possible, base64 elsewhere'
print\t'LMDB\'s form for printing'"
complete -c creel -n "__fish_creel_using_subcommand dump" -l since -d 'Only what changed since this position, which an export or creel digest --json names' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l compress -d 'How to pack the file: none, gzip, zstd or zstd:LEVEL [default: by the name after -o, .gz or .zst]' -r
complete -c creel -n "__fish_creel_using_subcommand dump" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand dump" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand dump" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand dump" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand dump" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand dump" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand dump" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand dump" -l force -d 'Replace an existing file'
complete -c creel -n "__fish_creel_using_subcommand dump" -l bare -d 'Leave out header and trailer (jsonl) or the heading (csv)'
complete -c creel -n "__fish_creel_using_subcommand dump" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand digest" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand digest" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand digest" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand digest" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand digest" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand digest" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand digest" -l keyspace -d 'Only this keyspace [default: all]; for csv, tsv and raw the one that their entries are of' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l format -d 'Format of an export: jsonl, mdb, csv, tsv or raw [default: by its beginning or its name]' -r -f -a "jsonl\t'JSON lines between a header and a trailer'
mdb\t'What mdb_load reads'
csv\t'Comma-separated values'
tsv\t'Escaped lines, as `list` prints them'
raw\t'Lengths and bytes'"
complete -c creel -n "__fish_creel_using_subcommand digest" -l ranges -d 'Print about so many digests of ranges too' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l bits -d 'Cut ranges as another run did that printed this number' -r
complete -c creel -n "__fish_creel_using_subcommand digest" -l check -d 'Compare with the digests in a file that this command wrote, with those of ranges too' -r -F
complete -c creel -n "__fish_creel_using_subcommand digest" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand digest" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand digest" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand digest" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand digest" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand digest" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand digest" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand digest" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand diff" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand diff" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand diff" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand diff" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand diff" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand diff" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand diff" -l prefix -d 'Only keys that start with this' -r
complete -c creel -n "__fish_creel_using_subcommand diff" -l from -d 'Only keys from this one on' -r
complete -c creel -n "__fish_creel_using_subcommand diff" -l to -d 'Only keys before this one' -r
complete -c creel -n "__fish_creel_using_subcommand diff" -l keyspace -d 'Only this keyspace [default: all]' -r
complete -c creel -n "__fish_creel_using_subcommand diff" -l enc -d 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand diff" -l key-enc -d 'Encoding of keys, where it is not that of --enc' -r -f -a "raw\t'The bytes themselves'
hex\t'Pairs of hexadecimal digits'
base64\t'Standard base64 with padding'
escape\t'Text with \\\\ \\n \\t \\r \\xNN'"
complete -c creel -n "__fish_creel_using_subcommand diff" -l format -d 'Format of exports that do not show it: jsonl, mdb, csv, tsv or raw' -r -f -a "jsonl\t'JSON lines between a header and a trailer'
mdb\t'What mdb_load reads'
csv\t'Comma-separated values'
tsv\t'Escaped lines, as `list` prints them'
raw\t'Lengths and bytes'"
complete -c creel -n "__fish_creel_using_subcommand diff" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand diff" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand diff" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand diff" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand diff" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand diff" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand diff" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand diff" -l summary -d 'Print only how many entries differ'
complete -c creel -n "__fish_creel_using_subcommand diff" -l jsonl -d 'Print an export of changes: what creel import needs to turn A into B'
complete -c creel -n "__fish_creel_using_subcommand diff" -l redact -d 'Print length and digest in place of keys'
complete -c creel -n "__fish_creel_using_subcommand diff" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand backup" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand backup" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand backup" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand backup" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand backup" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand backup" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand backup" -s o -d 'The new file; - is standard output' -r -F
complete -c creel -n "__fish_creel_using_subcommand backup" -l reflink -d 'When to share storage with the database: auto, always or never' -r -f -a "auto\t'Share where the file system can'
always\t'Share or fail'
never\t'Copy all bytes'"
complete -c creel -n "__fish_creel_using_subcommand backup" -l rate -d 'Copy no faster than this, for example 50MB/s' -r
complete -c creel -n "__fish_creel_using_subcommand backup" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand backup" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand backup" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand backup" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand backup" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand backup" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand backup" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand backup" -l force -d 'Replace an existing file'
complete -c creel -n "__fish_creel_using_subcommand backup" -l no-verify -d 'Do not check the new file'
complete -c creel -n "__fish_creel_using_subcommand backup" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand drill" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand drill" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand drill" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand drill" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand drill" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand drill" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand drill" -l against -d 'Require the contents of this database or export' -r
complete -c creel -n "__fish_creel_using_subcommand drill" -l dir -d 'Where to restore to, for as long as it takes [default: $TMPDIR or /tmp]' -r -F
complete -c creel -n "__fish_creel_using_subcommand drill" -l format -d 'Format of an export that does not show it: jsonl, mdb, csv, tsv or raw' -r -f -a "jsonl\t'JSON lines between a header and a trailer'
mdb\t'What mdb_load reads'
csv\t'Comma-separated values'
tsv\t'Escaped lines, as `list` prints them'
raw\t'Lengths and bytes'"
complete -c creel -n "__fish_creel_using_subcommand drill" -l page-size -d 'Page size of the database that an export is restored into' -r
complete -c creel -n "__fish_creel_using_subcommand drill" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand drill" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand drill" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand drill" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand drill" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand drill" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand drill" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand drill" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand drill" -l note -d 'Note in the store that it was restored, for creel replicate status --check drilled=TIME'
complete -c creel -n "__fish_creel_using_subcommand drill" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "serve" -d 'Give the log of a database to copies that follow it'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "init" -d 'Make a copy that can follow a database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "pull" -d 'Bring a copy to where its source is'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "follow" -d 'Keep a copy where its source is'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "reseed" -d 'Make a copy anew from its source'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "status" -d 'Show role, epoch, position and lag of a copy, or of all copies in a store'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "keep" -d 'Show or set how much log a file keeps for its copies'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "rejoin" -d 'Make a former primary a replica of the new one'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "snapshot" -d 'Publish a database to a store and write a snapshot of it there'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "probe" -d 'Test whether a store can decide who is primary'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "verify" -d 'Check everything in a store'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "gc" -d 'Remove log and snapshots that nobody needs from a store'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "mirror" -d 'Copy a store to another one, or bring such a copy up to date'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "hold" -d 'Keep the log in a store from being removed'
complete -c creel -n "__fish_creel_using_subcommand replicate; and not __fish_seen_subcommand_from serve init pull follow reseed status keep rejoin snapshot probe verify gc mirror hold forget" -f -a "forget" -d 'Take a hold or a copy that is gone out of a store'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l listen -d 'Address for followers, for example 127.0.0.1:7070; port 0 lets the system choose' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l tls-cert -d 'Certificate to show to followers, PEM; with --tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l tls-key -d 'Private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l client-ca -d 'Let only followers in that have a certificate of this authority, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l token-file -d 'Let only followers in that know the token in this file (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l publish -d 'Publish the log to this store: dir:PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l snapshot-every -d 'With --publish: write a snapshot after so many bytes of log' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l segment-max-bytes -d 'With --publish: bytes of log in a segment, up to 64 MiB' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l linger -d 'With --publish: gather commits for so long before a segment is written' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l gc-every -d 'With --publish: how often to remove what nobody needs, as replicate gc does; 0s never' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l max-unpublished -d 'With --publish: refuse writes while more bytes, or older commits, than this are not in the store, for example 64MiB,60s' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l http -d 'Answer /primary, /replica, /lag and /metrics here, on this machine only' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l stdio -d 'Serve one follower over standard input and output, as ssh:// does'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l insecure -d 'Listen beyond this machine without encryption, or let anybody in'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l unsafe-no-fencing -d 'With --publish: also to a store that cannot decide who is primary'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l instead -d 'With --publish: leave the store that the file publishes to for this one'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -l accept-loss -d 'With --instead: also where the store before does not answer whether somebody was promoted in it'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from serve" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l from -d 'The source: a database file, a store (dir:PATH, s3://BUCKET/PREFIX, gs://, az://), tcp://HOST:PORT, tls://HOST:PORT, ssh://HOST/PATH, or - for standard input and output [default: what the copy was made from]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l from-token-file -d 'Prove with the token in this file that this copy may follow (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l tls-ca -d 'For tls://: the authority whose certificate the source has, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l from-tls-cert -d 'For tls://: certificate to show, PEM; with --from-tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l from-tls-key -d 'For tls://: private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l ssh -d 'For ssh://: the program and its options, quoted as for a shell [default: $CREEL_SSH, else ssh]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l remote-creel -d 'For ssh://: where creel is on the other machine; ~/ is the home directory there [default: creel]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from init" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l from -d 'The source: a database file, a store (dir:PATH, s3://BUCKET/PREFIX, gs://, az://), tcp://HOST:PORT, tls://HOST:PORT, ssh://HOST/PATH, or - for standard input and output [default: what the copy was made from]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l from-token-file -d 'Prove with the token in this file that this copy may follow (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l tls-ca -d 'For tls://: the authority whose certificate the source has, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l from-tls-cert -d 'For tls://: certificate to show, PEM; with --from-tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l from-tls-key -d 'For tls://: private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l ssh -d 'For ssh://: the program and its options, quoted as for a shell [default: $CREEL_SSH, else ssh]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l remote-creel -d 'For ssh://: where creel is on the other machine; ~/ is the home directory there [default: creel]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l other -d 'Where --from delivers something damaged, go on from here: a store that the primary publishes to, a server, or another file' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l max-frames -d 'Apply so many entries at most, then end with status 13' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l max-bytes -d 'Apply so many bytes of entries at most, then end with status 13' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l reseed -d 'What to do where the source\'s log does not reach back: never, auto or force' -r -f -a "never\t'End with status 11'
auto\t'Take a new copy'
force\t'Take a new copy now, also where the histories parted: commits that only the old copy has are lost'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l until -d 'How far to go: head, or a token that put --token printed [default: head]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l timeout -d 'How long to wait until the source has that commit [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l dry-run -d 'Only say what is missing and whether a new copy is needed'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -l verify -d 'Check the whole copy afterwards, as creel verify does'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from pull" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l from -d 'The source: a database file, a store (dir:PATH, s3://BUCKET/PREFIX, gs://, az://), tcp://HOST:PORT, tls://HOST:PORT, ssh://HOST/PATH, or - for standard input and output [default: what the copy was made from]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l from-token-file -d 'Prove with the token in this file that this copy may follow (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l tls-ca -d 'For tls://: the authority whose certificate the source has, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l from-tls-cert -d 'For tls://: certificate to show, PEM; with --from-tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l from-tls-key -d 'For tls://: private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l ssh -d 'For ssh://: the program and its options, quoted as for a shell [default: $CREEL_SSH, else ssh]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l remote-creel -d 'For ssh://: where creel is on the other machine; ~/ is the home directory there [default: creel]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l other -d 'Where --from delivers something damaged, go on from here: a store that the primary publishes to, a server, or another file' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l reseed -d 'What to do where the source\'s log does not reach back: never, auto or force' -r -f -a "never\t'End with status 11'
auto\t'Take a new copy'
force\t'Take a new copy now, also where the histories parted: commits that only the old copy has are lost'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l serve -d 'Serve what is here to others, at this address' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l tls-cert -d 'Certificate to show to followers, PEM; with --tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l tls-key -d 'Private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l client-ca -d 'Let only followers in that have a certificate of this authority, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l token-file -d 'Let only followers in that know the token in this file (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l http -d 'Answer /primary, /replica, /lag and /metrics here, on this machine only' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -l insecure -d 'Listen beyond this machine without encryption, or let anybody in'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from follow" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l from -d 'The source: a database file, a store (dir:PATH, s3://BUCKET/PREFIX, gs://, az://), tcp://HOST:PORT, tls://HOST:PORT, ssh://HOST/PATH, or - for standard input and output [default: what the copy was made from]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l from-token-file -d 'Prove with the token in this file that this copy may follow (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l tls-ca -d 'For tls://: the authority whose certificate the source has, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l from-tls-cert -d 'For tls://: certificate to show, PEM; with --from-tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l from-tls-key -d 'For tls://: private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l ssh -d 'For ssh://: the program and its options, quoted as for a shell [default: $CREEL_SSH, else ssh]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l remote-creel -d 'For ssh://: where creel is on the other machine; ~/ is the home directory there [default: creel]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -l verify -d 'Check the whole copy afterwards, as creel verify does'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from reseed" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l from -d 'The source: a database file, a store (dir:PATH, s3://BUCKET/PREFIX, gs://, az://), tcp://HOST:PORT, tls://HOST:PORT, ssh://HOST/PATH, or - for standard input and output [default: what the copy was made from]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l from-token-file -d 'Prove with the token in this file that this copy may follow (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l tls-ca -d 'For tls://: the authority whose certificate the source has, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l from-tls-cert -d 'For tls://: certificate to show, PEM; with --from-tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l from-tls-key -d 'For tls://: private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l ssh -d 'For ssh://: the program and its options, quoted as for a shell [default: $CREEL_SSH, else ssh]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l remote-creel -d 'For ssh://: where creel is on the other machine; ~/ is the home directory there [default: creel]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l check -d 'Only answer by exit status: primary, replica, lag=N entries at most, age=TIME since the last contact at most, headroom=SIZE at least, verified=TIME since a noted check at most, drilled=TIME since a noted drill of a store at most; may be repeated' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l interval -d 'With --watch: how often' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -l watch -d 'Show it again and again, until a signal comes'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l retain-min -d 'Keep so many entries at least' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l retain -d 'Keep what is younger than this' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l retain-max-bytes -d 'But keep no more than this' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l rewind -d 'How much may wait for going back beyond the last checkpoint; 0: nothing [default: as much as the file has, 32MiB to 256MiB]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l standalone -d 'Keep the log of a file that is not replicated, too; =false: no longer' -r -f -a "true\t''
false\t''"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l hold -d 'Keep what this copy still needs; with --at' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l at -d 'That copy has everything up to this entry' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l hold-max-bytes -d 'The hold ends where it would keep more than this [default: 1GiB]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l hold-ttl -d 'The hold ends after this time [default: 24h]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l release -d 'End the hold of this name' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -l resume -d 'Take writes again that wait because too much is unpublished (serve --max-unpublished)'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from keep" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l from -d 'The source: a database file, a store (dir:PATH, s3://BUCKET/PREFIX, gs://, az://), tcp://HOST:PORT, tls://HOST:PORT, ssh://HOST/PATH, or - for standard input and output [default: what the copy was made from]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l from-token-file -d 'Prove with the token in this file that this copy may follow (mode 0600)' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l tls-ca -d 'For tls://: the authority whose certificate the source has, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l from-tls-cert -d 'For tls://: certificate to show, PEM; with --from-tls-key' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l from-tls-key -d 'For tls://: private key of that certificate, PEM' -r -F
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l ssh -d 'For ssh://: the program and its options, quoted as for a shell [default: $CREEL_SSH, else ssh]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l remote-creel -d 'For ssh://: where creel is on the other machine; ~/ is the home directory there [default: creel]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -l dry-run -d 'Only say where the histories parted and what would be taken back'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from rejoin" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l to -d 'The store: dir:PATH, s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or az://CONTAINER/PREFIX' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l part-bytes -d 'Bytes of a part, up to 64 MiB' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l full -d 'Write all parts, also those that the last full snapshot has'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l unsafe-no-fencing -d 'Publish to a store that cannot decide who is primary'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l instead -d 'Publish here from now on, although the file publishes to another store'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -l accept-loss -d 'With --instead: also where the store before does not answer whether somebody was promoted in it'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from snapshot" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l rounds -d 'Races, 1 to 10000' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l racers -d 'Creates at once in each, 2 to 64' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from probe" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l range-digests -d 'Restore the store to where this copy stands and name the first range of keys in which the two differ' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l deep -d 'Also read all parts of all snapshots, and restore the newest moment into a scratch file'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -l note -d 'Note in the store that it passed, for creel replicate status --check verified=TIME'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from verify" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l retain -d 'Every moment of this last time can be restored [default: what was said last, at first 7d]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l retain-min -d 'Keep at least so many entries [default: what was said last, at first 1024]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l retain-max-bytes -d 'Keep no more log than this where a snapshot allows it [default: what was said last]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l hold-max-bytes -d 'What a replica says keeps no more log than this [default: half of the newest snapshot, 64 MiB to 10 GiB]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l hold-ttl -d 'A replica that was silent for so long does not count' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -l dry-run -d 'Say what would be removed, and remove nothing'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from gc" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from mirror" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l at -d 'Keep the entries behind this index [default: the end of the chain]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l max-bytes -d 'But no more log than this' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l expires -d 'And no longer than this' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l reason -d 'Why' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from hold" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand replicate; and __fish_seen_subcommand_from forget" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand promote" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand promote" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand promote" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand promote" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand promote" -l expect-epoch -d 'Go on only where this is the present epoch: who promotes twice does it once' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l expect-index -d 'Go on only where this is the newest entry: of the store where one decides, else of the copy' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l store -d 'The store that decides [default: the one that the copy is pulled from or publishes to]' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l old-primary -d 'The primary so far, a database file: it is fenced, and what it has more is named' -r -F
complete -c creel -n "__fish_creel_using_subcommand promote" -l reason -d 'Why: stored with the epoch' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l name -d 'The name of this node, stored with the epoch [default: the host\'s name]' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l on-promote -d 'Run this by the shell once the copy is the primary; it finds CREEL_DB, CREEL_EPOCH and CREEL_TOKEN' -r
complete -c creel -n "__fish_creel_using_subcommand promote" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand promote" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand promote" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand promote" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand promote" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand promote" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand promote" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand promote" -l dry-run -d 'Only make the checks'
complete -c creel -n "__fish_creel_using_subcommand promote" -l accept-loss -d 'Commits that only the old primary has may be lost to the new history'
complete -c creel -n "__fish_creel_using_subcommand promote" -s y -l yes -d 'Do not ask'
complete -c creel -n "__fish_creel_using_subcommand promote" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -f -a "show" -d 'Print saved commits'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -f -a "diff" -d 'Compare saved commits with what a database holds'
complete -c creel -n "__fish_creel_using_subcommand log; and not __fish_seen_subcommand_from show diff reapply" -f -a "reapply" -d 'Make saved commits again, on the present contents'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from diff" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l on-conflict -d 'Keys that both histories changed: fail, skip or overwrite' -r -f -a "fail\t'Change nothing at all'
skip\t'Leave them as they are'
overwrite\t'The saved value wins'"
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -l dry-run -d 'Only count'
complete -c creel -n "__fish_creel_using_subcommand log; and __fish_seen_subcommand_from reapply" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand restore" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand restore" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand restore" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand restore" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand restore" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand restore" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand restore" -l store-timeout -d 'Give up a request to the store that fails for so long' -r
complete -c creel -n "__fish_creel_using_subcommand restore" -s o -l output -d 'The new database' -r
complete -c creel -n "__fish_creel_using_subcommand restore" -l at -d 'The moment: a time (2026-11-26T10:00:00Z), an index, or a token [default: the newest]' -r
complete -c creel -n "__fish_creel_using_subcommand restore" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand restore" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand restore" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand restore" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand restore" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand restore" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand restore" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand restore" -l as-replica -d 'Keep the lineage, so that the file can follow the chain'
complete -c creel -n "__fish_creel_using_subcommand restore" -l force -d 'Replace an existing file'
complete -c creel -n "__fish_creel_using_subcommand restore" -l dry-run -d 'Say what would be read, and from when to when a moment can be had; read no more'
complete -c creel -n "__fish_creel_using_subcommand restore" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand keyspaces" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand info" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand info" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand info" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand info" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand info" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand info" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand info" -l get -d 'Print one value, for example page_size or slots.0.state' -r
complete -c creel -n "__fish_creel_using_subcommand info" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand info" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand info" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand info" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand info" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand info" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand info" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand info" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand stats" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand stats" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand stats" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand stats" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand stats" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand stats" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand stats" -l prefixes -d 'Show space by key prefix, cut at this byte, for example \':\'' -r
complete -c creel -n "__fish_creel_using_subcommand stats" -l depth -d 'How many delimiters deep the prefixes go' -r
complete -c creel -n "__fish_creel_using_subcommand stats" -l biggest -d 'Show the largest records, 10 where no number is given' -r
complete -c creel -n "__fish_creel_using_subcommand stats" -l watch -d 'Print again after this long, until interrupted' -r
complete -c creel -n "__fish_creel_using_subcommand stats" -l keyspace -d 'The keyspace to work in' -r
complete -c creel -n "__fish_creel_using_subcommand stats" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand stats" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand stats" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand stats" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand stats" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand stats" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand stats" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand stats" -l histogram -d 'Show lengths of keys and values by powers of two; reads every leaf'
complete -c creel -n "__fish_creel_using_subcommand stats" -l pages -d 'Show pages by kind'
complete -c creel -n "__fish_creel_using_subcommand stats" -l exact -d 'Read everything instead of a sample'
complete -c creel -n "__fish_creel_using_subcommand stats" -l openmetrics -d 'Print OpenMetrics text'
complete -c creel -n "__fish_creel_using_subcommand stats" -l redact -d 'Print length and digest in place of keys'
complete -c creel -n "__fish_creel_using_subcommand stats" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l if-wal-above -d 'Do it only where the log holds more than this: a size, or a share of its region' -r
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l compress -d 'Not in file format 1' -r
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l dry-run -d 'Say what would be done, and change nothing'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l wait -d 'Wait while another process checkpoints or writes, then make sure; --lock-timeout limits it'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -l background -d 'Start a process of its own that does it (with --wait), and end at once'
complete -c creel -n "__fish_creel_using_subcommand checkpoint" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand compact" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand compact" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand compact" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand compact" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand compact" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand compact" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand compact" -s o -d 'Write a dense copy to this new file and leave the database as it is' -r -F
complete -c creel -n "__fish_creel_using_subcommand compact" -l min-gain -d 'Do nothing where less than this would be gained' -r
complete -c creel -n "__fish_creel_using_subcommand compact" -l rate -d 'Write at most this much in a second, for example 20MB/s' -r
complete -c creel -n "__fish_creel_using_subcommand compact" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand compact" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand compact" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand compact" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand compact" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand compact" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand compact" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand compact" -l force -d 'Replace an existing file'
complete -c creel -n "__fish_creel_using_subcommand compact" -l dry-run -d 'Estimate the new size, and change nothing'
complete -c creel -n "__fish_creel_using_subcommand compact" -l no-verify -d 'Do not verify the result'
complete -c creel -n "__fish_creel_using_subcommand compact" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand verify" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand verify" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand verify" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand verify" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand verify" -l level -d 'How thoroughly to look' -r -f -a "quick\t'Headers, log and free list'
full\t'Every page'
deep\t'Every value, content sums and a replay of the log'"
complete -c creel -n "__fish_creel_using_subcommand verify" -l max-findings -d 'Report at most this many findings' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l expect-index -d 'Require that the log reaches at least this index' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l sample -d 'Check only a part of the leaves: 5%, 3/7 (the third of seven parts) or 1GiB' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l seed -d 'Seed of --sample and --self-test [default: a new one each time]' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l against -d 'Compare the contents with those of another database or export' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l self-test -d 'Flip this many bits of a temporary copy, one at a time, and count how many are noticed' -r
complete -c creel -n "__fish_creel_using_subcommand verify" -l report -d 'Form of the report [default: text]' -r -f -a "text\t'For people'
json\t'One object'
junit\t'JUnit XML, one case for each invariant'
github\t'Annotations and a step summary for GitHub workflows'"
complete -c creel -n "__fish_creel_using_subcommand verify" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand verify" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand verify" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand verify" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand verify" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand verify" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand verify" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand verify" -l strict -d 'Count a file that needs recovery as damaged (exit 4)'
complete -c creel -n "__fish_creel_using_subcommand verify" -l note -d 'Note in the file that it passed, for creel replicate status --check verified=TIME: the one thing that is ever written'
complete -c creel -n "__fish_creel_using_subcommand verify" -l redact -d 'Print length and digest in place of keys'
complete -c creel -n "__fish_creel_using_subcommand verify" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c creel -n "__fish_creel_using_subcommand check" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand check" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand check" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand check" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand check" -l level -d 'How thoroughly to look' -r -f -a "quick\t'Headers, log and free list'
full\t'Every page'
deep\t'Every value, content sums and a replay of the log'"
complete -c creel -n "__fish_creel_using_subcommand check" -l max-findings -d 'Report at most this many findings' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l expect-index -d 'Require that the log reaches at least this index' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l sample -d 'Check only a part of the leaves: 5%, 3/7 (the third of seven parts) or 1GiB' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l seed -d 'Seed of --sample and --self-test [default: a new one each time]' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l against -d 'Compare the contents with those of another database or export' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l self-test -d 'Flip this many bits of a temporary copy, one at a time, and count how many are noticed' -r
complete -c creel -n "__fish_creel_using_subcommand check" -l report -d 'Form of the report [default: text]' -r -f -a "text\t'For people'
json\t'One object'
junit\t'JUnit XML, one case for each invariant'
github\t'Annotations and a step summary for GitHub workflows'"
complete -c creel -n "__fish_creel_using_subcommand check" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand check" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand check" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand check" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand check" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand check" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand check" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand check" -l strict -d 'Count a file that needs recovery as damaged (exit 4)'
complete -c creel -n "__fish_creel_using_subcommand check" -l note -d 'Note in the file that it passed, for creel replicate status --check verified=TIME: the one thing that is ever written'
complete -c creel -n "__fish_creel_using_subcommand check" -l redact -d 'Print length and digest in place of keys'
complete -c creel -n "__fish_creel_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand salvage" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand salvage" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand salvage" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand salvage" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand salvage" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand salvage" -s o -d 'The new database' -r -F
complete -c creel -n "__fish_creel_using_subcommand salvage" -l lost -d 'Write the lost ranges and commits to this file, one JSON object a line' -r -F
complete -c creel -n "__fish_creel_using_subcommand salvage" -l prefer -d 'Commits behind damage of the log: proven leaves them out, newest applies what can be read' -r -f -a "proven\t'Commits without a gap before them only'
newest\t'Every commit that can be read'"
complete -c creel -n "__fish_creel_using_subcommand salvage" -l sort-memory -d 'Memory for sorting what is found on single pages' -r
complete -c creel -n "__fish_creel_using_subcommand salvage" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand salvage" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand salvage" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l dry-run -d 'Only say what can be saved and what is lost'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l no-scrape -d 'Do not look for entries on single pages where no tree leads to them'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l force -d 'Replace existing files'
complete -c creel -n "__fish_creel_using_subcommand salvage" -l redact -d 'Print length and digest in place of keys'
complete -c creel -n "__fish_creel_using_subcommand salvage" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c creel -n "__fish_creel_using_subcommand inspect" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand inspect" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand inspect" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand inspect" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand inspect" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand inspect" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand inspect" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand inspect" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand inspect" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand inspect" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand inspect" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand inspect" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand inspect" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand inspect" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c creel -n "__fish_creel_using_subcommand doctor" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand doctor" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand doctor" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand doctor" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand doctor" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand doctor" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand doctor" -l lock-byte -d 'Try one lock and say how it went: what another process is asked to do' -r
complete -c creel -n "__fish_creel_using_subcommand doctor" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand doctor" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand doctor" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand doctor" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand doctor" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand doctor" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand doctor" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand doctor" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand soak" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l duration -d 'Run for so long' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l ops -d 'Run for so many operations [default: 1M]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l seed -d 'Where all operations come from [default: a new one each time]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l profile -d 'A ready-made run: smoke, nightly or long; other flags change it' -r -f -a "smoke\t'A minute, for every change'
nightly\t'Half an hour, for every night'
long\t'Eight hours'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l mode -d 'What is run: store, replication or both' -r -f -a "store\t'One store'
replication\t'A primary and its replicas'
both\t'Both, one after the other'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l replicas -d 'Replicas; 0: none [default: 5]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l cycles -d 'Cycles of commits, pulls and what is due [default: 18]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l commits-per-cycle -d 'Commits in a cycle [default: 120]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l active-replicas -d 'Replicas that follow in a cycle; the others fall behind [default: 3]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l churn-interval -d 'Cycles after which others follow [default: 3]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l promotion-interval -d 'Cycles between two promotions; 0: none [default: 6]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l reseed-check-interval -d 'Cycles between two looks at who has to be seeded anew; 0: none [default: 3]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l max-frames -d 'Log entries that a pull takes at most [default: 128]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l recovery-max-loops -d 'Pulls after which a replica has to have caught up [default: 80]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l segment-max-bytes -d 'Bytes of a batch of log entries, but one entry at least [default: 1]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l transport -d 'How log entries go to the replicas, one part of the run for each: path (in this process), tcp (by processes that serve, pull, promote and rejoin), dir (through an object store that is a directory) [default: path; with --profile all of them]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l retention-min -d 'Log entries that are kept for those who are behind [default: 64]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l input -d 'Take keys and values from JSONL: small=FILE,medium=FILE,large=FILE, or some of them' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l mix -d 'Parts of small, medium and large values [default: 70/25/5]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l delete -d 'Share of deletes [default: 5%]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l get -d 'Share of reads of a key [default: 20%]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l scan -d 'Share of reads of a range or prefix [default: 0.5%]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l cas -d 'Share of compare-and-set [default: 1.5%]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l keys -d 'Keys that there may be in a keyspace [default: 20k; with --input: its keys]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l keyspaces -d 'Keyspaces [default: 4]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l batch -d 'Operations in a batch, at most [default: 64]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l checkpoint-every -d 'Operations between two checkpoints; 0: only those that come by themselves [default: 200k]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l compact-every -d 'Operations between two compactions, in place and dense by turns; 0: none [default: 400k]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l reopen-every -d 'Operations between two reopenings; 0: none [default: 300k]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l hold -d 'Operations for which a snapshot is held, here and in another process; 0: none [default: 150k]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l sync-mode -d 'How durable commits are: full, normal or off; the same as --sync [default: normal]' -r -f -a "full\t'When they return'
normal\t'At the next checkpoint'
off\t'When the system likes'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l oracle-memory -d 'Memory for the model of all keys; beyond, ranges have a digest each [default: 256MiB]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l faults -d 'Inject faults: torn-write, short-write, enospc, eio, bitflip, lost-sync; on the way to replicas conn-drop, corrupt-frame' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l fault-every -d 'Operations between two faults on average [default: 20k]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l kill-every -d 'Work in another process, and kill it after so many operations on average' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l plant -d 'Put in a defect, to see that it is found' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l sample-every -d 'Time between two samples [default: 1s]' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l bounds -d 'What must not be exceeded: memory-growth=1MiB (in 10 minutes), descriptors=16, file-factor=4, file-extra=640MiB, log=128MiB, recovery=30s (an opening), lag=N (log entries), trend=auto|required|off, or some of them' -r
complete -c creel -n "__fish_creel_using_subcommand soak" -l baseline -d 'Require the pace of an earlier result.json: four fifths of its rate, twice its p99' -r -F
complete -c creel -n "__fish_creel_using_subcommand soak" -l out -d 'Where the report goes: a directory' -r -F
complete -c creel -n "__fish_creel_using_subcommand soak" -l report -d 'What the report consists of: json (configuration, result, events), csv (samples), junit, html, hgrm (latencies), github (annotations, summary) [default: all of them]' -r -f -a "json\t'config.json, result.json, events.jsonl'
csv\t'series.csv'
junit\t'junit.xml'
html\t'report.html'
hgrm\t'latency-PART.hgrm'
github\t'Annotations and step summary of GitHub workflows'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l replay -d 'Repeat the failure that a repro.json describes' -r -F
complete -c creel -n "__fish_creel_using_subcommand soak" -l helper -d 'Serves a run' -r -f -a "reader\t'Holds a snapshot'
worker\t'Does the work, and is killed'"
complete -c creel -n "__fish_creel_using_subcommand soak" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand soak" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand soak" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand soak" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand soak" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand soak" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand soak" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand soak" -l force -d 'Replace a report that is there already'
complete -c creel -n "__fish_creel_using_subcommand soak" -l minimize -d 'Leave out operations until only those are left that the failure needs'
complete -c creel -n "__fish_creel_using_subcommand soak" -l self-test -d 'Put in defects, one at a time, and require that each is found and named'
complete -c creel -n "__fish_creel_using_subcommand soak" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand explain" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand explain" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand explain" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand explain" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand explain" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand explain" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand explain" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand explain" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand explain" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand explain" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand explain" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand explain" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand explain" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand explain" -l all -d 'List all of them'
complete -c creel -n "__fish_creel_using_subcommand explain" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand schema" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand schema" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand schema" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand schema" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand schema" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand schema" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand schema" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand schema" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand schema" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand schema" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand schema" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand schema" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand schema" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand schema" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand version" -l color -d 'When to use colour: auto, always or never [default: auto]' -r -f -a "auto\t'On a terminal, unless NO_COLOR or TERM=dumb says otherwise'
always\t'Always'
never\t'Never'"
complete -c creel -n "__fish_creel_using_subcommand version" -l progress -d 'How to show progress: auto, never, bar, plain or json [default: auto]' -r -f -a "auto\t'A bar on a terminal, nothing else'
never\t'Nothing'
bar\t'A bar'
plain\t'A line of text now and then'
json\t'A JSON line now and then'"
complete -c creel -n "__fish_creel_using_subcommand version" -l progress-interval -d 'Time between two lines of progress [default: 10s]' -r
complete -c creel -n "__fish_creel_using_subcommand version" -l log-format -d 'Form of what -v, -vv and CREEL_LOG print: text or json [default: text; json with --json]' -r -f -a "text\t'A line for people'
json\t'A JSON object a line'"
complete -c creel -n "__fish_creel_using_subcommand version" -l lock-timeout -d 'Time to wait for another writer; 0 does not wait [default: 5s]' -r
complete -c creel -n "__fish_creel_using_subcommand version" -l sync -d 'How durable commits are: full, normal or off [default: full]' -r -f -a "full\t'Every commit survives a power cut'
normal\t'A power cut may lose the last commits, never the file'
off\t'No syncs at all'"
complete -c creel -n "__fish_creel_using_subcommand version" -l json -d 'Print JSON objects, errors too'
complete -c creel -n "__fish_creel_using_subcommand version" -s q -l quiet -d 'Print fewer messages; twice: none, only the exit status'
complete -c creel -n "__fish_creel_using_subcommand version" -s v -l verbose -d 'Say what is done on the way; twice: how'
complete -c creel -n "__fish_creel_using_subcommand version" -l read-only -d 'Refuse to write to the database'
complete -c creel -n "__fish_creel_using_subcommand version" -l allow-hard-links -d 'Write to a file that has several hard links'
complete -c creel -n "__fish_creel_using_subcommand version" -l force-network -d 'Open a file on a network file system, where locks and syncs cannot be trusted'
complete -c creel -n "__fish_creel_using_subcommand version" -l no-input -d 'Never ask a question'
complete -c creel -n "__fish_creel_using_subcommand version" -s h -l help -d 'Print help'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "open" -d 'Make a database, or open one and say what recovery did'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "put" -d 'Store a value under a key'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "get" -d 'Print the value of a key'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "delete" -d 'Remove keys'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "exists" -d 'Say by the exit status whether a key exists'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "list" -d 'Print entries in key order'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "batch" -d 'Run many puts and deletes from a file or standard input'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "import" -d 'Take in records from files or standard input'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "export" -d 'Write the entries as text'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "digest" -d 'Print a hash of the entries, the same for a database and its exports'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "diff" -d 'Compare two databases or exports, entry by entry'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "backup" -d 'Copy a database that is in use to a new file'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "drill" -d 'Prove that a backup or export can be restored, and measure it'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "replicate" -d 'Keep copies of a database that follow it'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "promote" -d 'Make a copy the primary, in a new epoch'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "log" -d 'Look at commits that rejoining took back, and make them again'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "restore" -d 'Make a database file of any moment that a store still has'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "keyspaces" -d 'List the keyspaces and how many entries each has'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "info" -d 'Show what the header says, without lock or recovery'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "stats" -d 'Show where the space goes'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "checkpoint" -d 'Move committed entries from the log into the tree'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "compact" -d 'Give free space back, in place or as a dense copy'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "verify" -d 'Check the file and give a verdict'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "salvage" -d 'Save what can be read of a damaged file into a new one'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "inspect" -d 'Dump a header, page, log frame or the free list with notes'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "doctor" -d 'Try what creel needs of this machine and a directory'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "soak" -d 'A long test run that can fail: an oracle, faults, kills, measurements'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "explain" -d 'Explain an exit status, an error code, a fault of an input or an invariant'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "schema" -d 'Print the JSON Schema of an output, or list them'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "version" -d 'Print version and file formats'
complete -c creel -n "__fish_creel_using_subcommand help; and not __fish_seen_subcommand_from open put get delete exists list batch import export digest diff backup drill replicate promote log restore keyspaces info stats checkpoint compact verify salvage inspect doctor soak explain schema version help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
