# Read by .ci/run and what is in this folder: what is not looked at for want of a tool, as
# tests/support/skip.rs has it for tests.

# skipped WHAT WHY: says so, and is false where CREEL_REQUIRE has WHAT, or `all`.
skipped() {
    echo "SKIPPED: $1: $2"
    case ",${CREEL_REQUIRE:-}," in
    *",$1,"* | *,all,*) return 1 ;;
    esac
}

# repeat_skipped FILE...: what was skipped, by what these files have; the last line is the number.
repeat_skipped() {
    cat -- "$@" | grep -ao 'SKIPPED: .*' | sort | uniq -c
    printf '%d skipped\n' "$(cat -- "$@" | grep -aoc 'SKIPPED: .*')"
}
