package dev.postrider.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** How much processor time processes have used, in microseconds; Linux tells in steps of 10 ms, other systems are not asked. */
final class ProcessorTime {

    private static final Path PROC = Path.of("/proc");
    private static final double MICROSECONDS_PER_TICK = 10_000;
    /** Behind the name in parentheses: user and system time, and those of children that have ended. */
    private static final int USER = 11;

    private static final int SYSTEM = 12;
    private static final int ENDED_USER = 13;
    private static final int ENDED_SYSTEM = 14;

    private ProcessorTime() {}

    /** Of one process; not a number where it cannot be known. */
    static double of(long process) {
        return ticks(process, USER, SYSTEM) * MICROSECONDS_PER_TICK;
    }

    /** Of a process, its children, and the children that have ended. */
    static double ofTree(long process) {
        double ticks = ticks(process, USER, SYSTEM, ENDED_USER, ENDED_SYSTEM);
        for (ProcessHandle child : ProcessHandle.of(process).stream()
                .flatMap(ProcessHandle::children)
                .toList()) {
            double own = ticks(child.pid(), USER, SYSTEM);
            ticks += Double.isNaN(own) ? 0 : own; // ended meanwhile
        }
        return ticks * MICROSECONDS_PER_TICK;
    }

    private static double ticks(long process, int... fields) {
        try {
            String stat = Files.readString(PROC.resolve(process + "/stat"));
            String[] values = stat.substring(stat.lastIndexOf(')') + 2).split(" ");
            double ticks = 0;
            for (int field : fields) {
                ticks += Long.parseLong(values[field]);
            }
            return ticks;
        } catch (IOException e) {
            return Double.NaN; // it has ended, perhaps while it was read
        }
    }
}
