
using namespace System.Management.Automation
using namespace System.Management.Automation.Language

Register-ArgumentCompleter -Native -CommandName 'creel' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $commandElements = $commandAst.CommandElements
    $command = @(
        'creel'
        for ($i = 1; $i -lt $commandElements.Count; $i++) {
            $element = $commandElements[$i]
            if ($element -isnot [StringConstantExpressionAst] -or
                $element.StringConstantType -ne [StringConstantType]::BareWord -or
                $element.Value.StartsWith('-') -or
                $element.Value -eq $wordToComplete) {
                break
        }
        $element.Value
    }) -join ';'

    $completions = @(switch ($command) {
        'creel' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('-V', '-V ', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('--version', '--version', [CompletionResultType]::ParameterName, 'Print version')
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Make a database, or open one and say what recovery did')
            [CompletionResult]::new('put', 'put', [CompletionResultType]::ParameterValue, 'Store a value under a key')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Print the value of a key')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Remove keys')
            [CompletionResult]::new('del', 'del', [CompletionResultType]::ParameterValue, 'Remove keys')
            [CompletionResult]::new('rm', 'rm', [CompletionResultType]::ParameterValue, 'Remove keys')
            [CompletionResult]::new('exists', 'exists', [CompletionResultType]::ParameterValue, 'Say by the exit status whether a key exists')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Print entries in key order')
            [CompletionResult]::new('scan', 'scan', [CompletionResultType]::ParameterValue, 'Print entries in key order')
            [CompletionResult]::new('keys', 'keys', [CompletionResultType]::ParameterValue, 'Print entries in key order')
            [CompletionResult]::new('batch', 'batch', [CompletionResultType]::ParameterValue, 'Run many puts and deletes from a file or standard input')
            [CompletionResult]::new('keyspaces', 'keyspaces', [CompletionResultType]::ParameterValue, 'List the keyspaces and how many entries each has')
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'Show what the header says, without lock or recovery')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show where the space goes')
            [CompletionResult]::new('checkpoint', 'checkpoint', [CompletionResultType]::ParameterValue, 'Move committed entries from the log into the tree')
            [CompletionResult]::new('compact', 'compact', [CompletionResultType]::ParameterValue, 'Give free space back, in place or as a dense copy')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check the file and give a verdict; never writes')
            [CompletionResult]::new('check', 'check', [CompletionResultType]::ParameterValue, 'Check the file and give a verdict; never writes')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Copy a database that is in use to a new file')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Dump a header, page, log frame or the free list with notes')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Try what creel needs of this machine and a directory')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain an exit status, error code or invariant')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of an output, or list them')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print version and file formats')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'creel;open' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--page-size', '--page-size', [CompletionResultType]::ParameterName, 'Size of a page, 4KiB to 64KiB; larger pages allow longer keys [default: 4KiB]')
            [CompletionResult]::new('--wal-size', '--wal-size', [CompletionResultType]::ParameterName, 'Size of each of the two log regions at the start [default: 512KiB]')
            [CompletionResult]::new('--role', '--role', [CompletionResultType]::ParameterName, 'The role of the file [default: standalone]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--create', '--create', [CompletionResultType]::ParameterName, 'Make the file; fails where it exists')
            [CompletionResult]::new('--if-not-exists', '--if-not-exists', [CompletionResultType]::ParameterName, 'With --create: an existing database is fine')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'creel;put' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Read the key from a file; - is standard input')
            [CompletionResult]::new('--value-file', '--value-file', [CompletionResultType]::ParameterName, 'Read the value from a file; - is standard input')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--val-enc', '--val-enc', [CompletionResultType]::ParameterName, 'Encoding of values, where it is not that of --enc')
            [CompletionResult]::new('--if-equals', '--if-equals', [CompletionResultType]::ParameterName, 'Store only where the value is this one now; otherwise exit 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--if-absent', '--if-absent', [CompletionResultType]::ParameterName, 'Store only where the key does not exist; otherwise exit 1')
            [CompletionResult]::new('--if-exists', '--if-exists', [CompletionResultType]::ParameterName, 'Store only where the key exists; otherwise exit 1')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Print the position of the commit, for example 3:812')
            [CompletionResult]::new('--no-checkpoint', '--no-checkpoint', [CompletionResultType]::ParameterName, 'Leave the log as it is, even where it is due to be folded into the tree')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;get' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--key-file', '--key-file', [CompletionResultType]::ParameterName, 'Read the key from a file; - is standard input')
            [CompletionResult]::new('--keys-from', '--keys-from', [CompletionResultType]::ParameterName, 'Read many keys, one a line and escaped as `list` prints them; - is standard input')
            [CompletionResult]::new('--default', '--default', [CompletionResultType]::ParameterName, 'Print this where the key is absent, and exit 0')
            [CompletionResult]::new('--offset', '--offset', [CompletionResultType]::ParameterName, 'Skip this many bytes of the value')
            [CompletionResult]::new('--length', '--length', [CompletionResultType]::ParameterName, 'Print at most this many bytes of the value')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write to this file: all of it or nothing')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Print length and digest in place of keys and values')
            [CompletionResult]::new('--newline', '--newline', [CompletionResultType]::ParameterName, 'Add a line end to the value')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace an existing file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;delete' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Only keys that start with this')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Only keys from this one on')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Only keys before this one')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Delete only where exactly this many would go; otherwise exit 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say how many would go, and change nothing')
            [CompletionResult]::new('--must-exist', '--must-exist', [CompletionResultType]::ParameterName, 'Delete only where every key exists; otherwise exit 1')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Delete a range without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Delete a range without asking')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Print the position of the commit, for example 3:812')
            [CompletionResult]::new('--no-checkpoint', '--no-checkpoint', [CompletionResultType]::ParameterName, 'Leave the log as it is, even where it is due to be folded into the tree')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;del' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Only keys that start with this')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Only keys from this one on')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Only keys before this one')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Delete only where exactly this many would go; otherwise exit 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say how many would go, and change nothing')
            [CompletionResult]::new('--must-exist', '--must-exist', [CompletionResultType]::ParameterName, 'Delete only where every key exists; otherwise exit 1')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Delete a range without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Delete a range without asking')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Print the position of the commit, for example 3:812')
            [CompletionResult]::new('--no-checkpoint', '--no-checkpoint', [CompletionResultType]::ParameterName, 'Leave the log as it is, even where it is due to be folded into the tree')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;rm' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Only keys that start with this')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Only keys from this one on')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Only keys before this one')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--expect', '--expect', [CompletionResultType]::ParameterName, 'Delete only where exactly this many would go; otherwise exit 1')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say how many would go, and change nothing')
            [CompletionResult]::new('--must-exist', '--must-exist', [CompletionResultType]::ParameterName, 'Delete only where every key exists; otherwise exit 1')
            [CompletionResult]::new('-y', '-y', [CompletionResultType]::ParameterName, 'Delete a range without asking')
            [CompletionResult]::new('--yes', '--yes', [CompletionResultType]::ParameterName, 'Delete a range without asking')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Print the position of the commit, for example 3:812')
            [CompletionResult]::new('--no-checkpoint', '--no-checkpoint', [CompletionResultType]::ParameterName, 'Leave the log as it is, even where it is due to be folded into the tree')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;exists' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;list' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Only keys that start with this')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Only keys from this one on')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Only keys before this one')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'Only keys after this one, for paging')
            [CompletionResult]::new('--glob', '--glob', [CompletionResultType]::ParameterName, 'Only keys that match a pattern: * any bytes, ? one byte, [a-z] a class')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Stop after this many entries')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--reverse', '--reverse', [CompletionResultType]::ParameterName, 'Go from the last key to the first')
            [CompletionResult]::new('--values', '--values', [CompletionResultType]::ParameterName, 'Print values only')
            [CompletionResult]::new('--keys-only', '--keys-only', [CompletionResultType]::ParameterName, 'Print keys only')
            [CompletionResult]::new('--sizes', '--sizes', [CompletionResultType]::ParameterName, 'Print keys and the sizes of their values')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Print only how many there are')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'Print raw bytes, each field ended by a zero byte')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Print raw bytes, each field ended by a zero byte')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Print length and digest in place of keys and values')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;scan' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Only keys that start with this')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Only keys from this one on')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Only keys before this one')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'Only keys after this one, for paging')
            [CompletionResult]::new('--glob', '--glob', [CompletionResultType]::ParameterName, 'Only keys that match a pattern: * any bytes, ? one byte, [a-z] a class')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Stop after this many entries')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--reverse', '--reverse', [CompletionResultType]::ParameterName, 'Go from the last key to the first')
            [CompletionResult]::new('--values', '--values', [CompletionResultType]::ParameterName, 'Print values only')
            [CompletionResult]::new('--keys-only', '--keys-only', [CompletionResultType]::ParameterName, 'Print keys only')
            [CompletionResult]::new('--sizes', '--sizes', [CompletionResultType]::ParameterName, 'Print keys and the sizes of their values')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Print only how many there are')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'Print raw bytes, each field ended by a zero byte')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Print raw bytes, each field ended by a zero byte')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Print length and digest in place of keys and values')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;keys' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--prefix', '--prefix', [CompletionResultType]::ParameterName, 'Only keys that start with this')
            [CompletionResult]::new('--from', '--from', [CompletionResultType]::ParameterName, 'Only keys from this one on')
            [CompletionResult]::new('--to', '--to', [CompletionResultType]::ParameterName, 'Only keys before this one')
            [CompletionResult]::new('--after', '--after', [CompletionResultType]::ParameterName, 'Only keys after this one, for paging')
            [CompletionResult]::new('--glob', '--glob', [CompletionResultType]::ParameterName, 'Only keys that match a pattern: * any bytes, ? one byte, [a-z] a class')
            [CompletionResult]::new('--limit', '--limit', [CompletionResultType]::ParameterName, 'Stop after this many entries')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--enc', '--enc', [CompletionResultType]::ParameterName, 'Encoding of keys and values given here: raw, hex, base64 or escape [default: raw]')
            [CompletionResult]::new('--key-enc', '--key-enc', [CompletionResultType]::ParameterName, 'Encoding of keys, where it is not that of --enc')
            [CompletionResult]::new('--out', '--out', [CompletionResultType]::ParameterName, 'Print bytes as raw, hex, base64, escape or json [default: raw to a pipe, escape to a terminal]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--reverse', '--reverse', [CompletionResultType]::ParameterName, 'Go from the last key to the first')
            [CompletionResult]::new('--values', '--values', [CompletionResultType]::ParameterName, 'Print values only')
            [CompletionResult]::new('--keys-only', '--keys-only', [CompletionResultType]::ParameterName, 'Print keys only')
            [CompletionResult]::new('--sizes', '--sizes', [CompletionResultType]::ParameterName, 'Print keys and the sizes of their values')
            [CompletionResult]::new('--count', '--count', [CompletionResultType]::ParameterName, 'Print only how many there are')
            [CompletionResult]::new('-0', '-0', [CompletionResultType]::ParameterName, 'Print raw bytes, each field ended by a zero byte')
            [CompletionResult]::new('--null', '--null', [CompletionResultType]::ParameterName, 'Print raw bytes, each field ended by a zero byte')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Print length and digest in place of keys and values')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;batch' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--every', '--every', [CompletionResultType]::ParameterName, 'Commit after every N lines; without it all lines are one commit')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--token', '--token', [CompletionResultType]::ParameterName, 'Print the position of the last commit, for example 3:812')
            [CompletionResult]::new('--no-checkpoint', '--no-checkpoint', [CompletionResultType]::ParameterName, 'Leave the log as it is, even where it is due to be folded into the tree')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;keyspaces' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;info' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--get', '--get', [CompletionResultType]::ParameterName, 'Print one value, for example page_size or slots.0.state')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;stats' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--prefixes', '--prefixes', [CompletionResultType]::ParameterName, 'Show space by key prefix, cut at this byte, for example '':''')
            [CompletionResult]::new('--depth', '--depth', [CompletionResultType]::ParameterName, 'How many delimiters deep the prefixes go')
            [CompletionResult]::new('--biggest', '--biggest', [CompletionResultType]::ParameterName, 'Show the largest records, 10 where no number is given')
            [CompletionResult]::new('--watch', '--watch', [CompletionResultType]::ParameterName, 'Print again after this long, until interrupted')
            [CompletionResult]::new('--keyspace', '--keyspace', [CompletionResultType]::ParameterName, 'The keyspace to work in')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--histogram', '--histogram', [CompletionResultType]::ParameterName, 'Show lengths of keys and values by powers of two; reads every leaf')
            [CompletionResult]::new('--pages', '--pages', [CompletionResultType]::ParameterName, 'Show pages by kind')
            [CompletionResult]::new('--exact', '--exact', [CompletionResultType]::ParameterName, 'Read everything instead of a sample')
            [CompletionResult]::new('--openmetrics', '--openmetrics', [CompletionResultType]::ParameterName, 'Print OpenMetrics text')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Print length and digest in place of keys')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;checkpoint' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--if-wal-above', '--if-wal-above', [CompletionResultType]::ParameterName, 'Do it only where the log holds more than this: a size, or a share of its region')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Say what would be done, and change nothing')
            [CompletionResult]::new('--compress', '--compress', [CompletionResultType]::ParameterName, 'Not in file format 1')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;compact' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'Write a dense copy to this new file and leave the database as it is')
            [CompletionResult]::new('--min-gain', '--min-gain', [CompletionResultType]::ParameterName, 'Do nothing where less than this would be gained')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--dry-run', '--dry-run', [CompletionResultType]::ParameterName, 'Estimate the new size, and change nothing')
            [CompletionResult]::new('--no-verify', '--no-verify', [CompletionResultType]::ParameterName, 'Do not verify the result')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;verify' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'How thoroughly to look')
            [CompletionResult]::new('--max-findings', '--max-findings', [CompletionResultType]::ParameterName, 'Report at most this many findings')
            [CompletionResult]::new('--expect-index', '--expect-index', [CompletionResultType]::ParameterName, 'Require that the log reaches at least this index')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Form of the report [default: text]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Count a file that needs recovery as damaged (exit 4)')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Print length and digest in place of keys')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'creel;check' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--level', '--level', [CompletionResultType]::ParameterName, 'How thoroughly to look')
            [CompletionResult]::new('--max-findings', '--max-findings', [CompletionResultType]::ParameterName, 'Report at most this many findings')
            [CompletionResult]::new('--expect-index', '--expect-index', [CompletionResultType]::ParameterName, 'Require that the log reaches at least this index')
            [CompletionResult]::new('--report', '--report', [CompletionResultType]::ParameterName, 'Form of the report [default: text]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--strict', '--strict', [CompletionResultType]::ParameterName, 'Count a file that needs recovery as damaged (exit 4)')
            [CompletionResult]::new('--redact', '--redact', [CompletionResultType]::ParameterName, 'Print length and digest in place of keys')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'creel;backup' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('-o', '-o', [CompletionResultType]::ParameterName, 'The new file; - is standard output')
            [CompletionResult]::new('--reflink', '--reflink', [CompletionResultType]::ParameterName, 'Share storage with the database: auto, always or never')
            [CompletionResult]::new('--rate', '--rate', [CompletionResultType]::ParameterName, 'Copy no faster than this, for example 50MB/s')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--force', '--force', [CompletionResultType]::ParameterName, 'Replace an existing file')
            [CompletionResult]::new('--no-verify', '--no-verify', [CompletionResultType]::ParameterName, 'Do not check the new file')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;inspect' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help (see more with ''--help'')')
            break
        }
        'creel;doctor' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--lock-byte', '--lock-byte', [CompletionResultType]::ParameterName, 'Try one lock and say how it went: what another process is asked to do')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;explain' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('--all', '--all', [CompletionResultType]::ParameterName, 'List all exit statuses, error codes and invariants')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;schema' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;version' {
            [CompletionResult]::new('--color', '--color', [CompletionResultType]::ParameterName, 'When to use colour: auto, always or never [default: auto]')
            [CompletionResult]::new('--progress', '--progress', [CompletionResultType]::ParameterName, 'How to show progress: auto, never, bar, plain or json [default: auto]')
            [CompletionResult]::new('--progress-interval', '--progress-interval', [CompletionResultType]::ParameterName, 'Time between two lines of progress [default: 10s]')
            [CompletionResult]::new('--lock-timeout', '--lock-timeout', [CompletionResultType]::ParameterName, 'Time to wait for another writer; 0 does not wait [default: 5s]')
            [CompletionResult]::new('--sync', '--sync', [CompletionResultType]::ParameterName, 'How durable commits are: full, normal or off [default: full]')
            [CompletionResult]::new('--json', '--json', [CompletionResultType]::ParameterName, 'Print JSON objects, errors too')
            [CompletionResult]::new('-q', '-q', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('--quiet', '--quiet', [CompletionResultType]::ParameterName, 'Print fewer messages; twice: none, only the exit status')
            [CompletionResult]::new('-v', '-v', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--verbose', '--verbose', [CompletionResultType]::ParameterName, 'Print more messages')
            [CompletionResult]::new('--read-only', '--read-only', [CompletionResultType]::ParameterName, 'Refuse to write to the database')
            [CompletionResult]::new('--allow-hard-links', '--allow-hard-links', [CompletionResultType]::ParameterName, 'Write to a file that has several hard links')
            [CompletionResult]::new('--force-network', '--force-network', [CompletionResultType]::ParameterName, 'Open a file on a network file system, where locks and syncs cannot be trusted')
            [CompletionResult]::new('--no-input', '--no-input', [CompletionResultType]::ParameterName, 'Never ask a question')
            [CompletionResult]::new('-h', '-h', [CompletionResultType]::ParameterName, 'Print help')
            [CompletionResult]::new('--help', '--help', [CompletionResultType]::ParameterName, 'Print help')
            break
        }
        'creel;help' {
            [CompletionResult]::new('open', 'open', [CompletionResultType]::ParameterValue, 'Make a database, or open one and say what recovery did')
            [CompletionResult]::new('put', 'put', [CompletionResultType]::ParameterValue, 'Store a value under a key')
            [CompletionResult]::new('get', 'get', [CompletionResultType]::ParameterValue, 'Print the value of a key')
            [CompletionResult]::new('delete', 'delete', [CompletionResultType]::ParameterValue, 'Remove keys')
            [CompletionResult]::new('exists', 'exists', [CompletionResultType]::ParameterValue, 'Say by the exit status whether a key exists')
            [CompletionResult]::new('list', 'list', [CompletionResultType]::ParameterValue, 'Print entries in key order')
            [CompletionResult]::new('batch', 'batch', [CompletionResultType]::ParameterValue, 'Run many puts and deletes from a file or standard input')
            [CompletionResult]::new('keyspaces', 'keyspaces', [CompletionResultType]::ParameterValue, 'List the keyspaces and how many entries each has')
            [CompletionResult]::new('info', 'info', [CompletionResultType]::ParameterValue, 'Show what the header says, without lock or recovery')
            [CompletionResult]::new('stats', 'stats', [CompletionResultType]::ParameterValue, 'Show where the space goes')
            [CompletionResult]::new('checkpoint', 'checkpoint', [CompletionResultType]::ParameterValue, 'Move committed entries from the log into the tree')
            [CompletionResult]::new('compact', 'compact', [CompletionResultType]::ParameterValue, 'Give free space back, in place or as a dense copy')
            [CompletionResult]::new('verify', 'verify', [CompletionResultType]::ParameterValue, 'Check the file and give a verdict; never writes')
            [CompletionResult]::new('backup', 'backup', [CompletionResultType]::ParameterValue, 'Copy a database that is in use to a new file')
            [CompletionResult]::new('inspect', 'inspect', [CompletionResultType]::ParameterValue, 'Dump a header, page, log frame or the free list with notes')
            [CompletionResult]::new('doctor', 'doctor', [CompletionResultType]::ParameterValue, 'Try what creel needs of this machine and a directory')
            [CompletionResult]::new('explain', 'explain', [CompletionResultType]::ParameterValue, 'Explain an exit status, error code or invariant')
            [CompletionResult]::new('schema', 'schema', [CompletionResultType]::ParameterValue, 'Print the JSON Schema of an output, or list them')
            [CompletionResult]::new('version', 'version', [CompletionResultType]::ParameterValue, 'Print version and file formats')
            [CompletionResult]::new('help', 'help', [CompletionResultType]::ParameterValue, 'Print this message or the help of the given subcommand(s)')
            break
        }
        'creel;help;open' {
            break
        }
        'creel;help;put' {
            break
        }
        'creel;help;get' {
            break
        }
        'creel;help;delete' {
            break
        }
        'creel;help;exists' {
            break
        }
        'creel;help;list' {
            break
        }
        'creel;help;batch' {
            break
        }
        'creel;help;keyspaces' {
            break
        }
        'creel;help;info' {
            break
        }
        'creel;help;stats' {
            break
        }
        'creel;help;checkpoint' {
            break
        }
        'creel;help;compact' {
            break
        }
        'creel;help;verify' {
            break
        }
        'creel;help;backup' {
            break
        }
        'creel;help;inspect' {
            break
        }
        'creel;help;doctor' {
            break
        }
        'creel;help;explain' {
            break
        }
        'creel;help;schema' {
            break
        }
        'creel;help;version' {
            break
        }
        'creel;help;help' {
            break
        }
    })

    $completions.Where{ $_.CompletionText -like "$wordToComplete*" } |
        Sort-Object -Property ListItemText
}
