package dev.postrider.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.LockSupport;

/**
 * How one contestant drained its tasks once.
 *
 * @param perSecond tasks, from the start of its workers until the database says that every task has ended
 * @param ownCpu microseconds of its own processes per task
 * @param databaseCpu microseconds of the database per task
 * @param seconds moments at which it was asked
 * @param handled how many tasks its handlers had had then
 */
record Drain(
        Contestant contestant,
        double perSecond,
        double ownCpu,
        double databaseCpu,
        List<Double> seconds,
        List<Double> handled) {

    /** Seconds. */
    private static final double PATIENCE = 300;

    static Drain measure(BenchmarkServer server, Contestant contestant, int tasks) throws Exception {
        contestant.fill(tasks);
        contestant.tidy();
        List<Double> seconds = new ArrayList<>();
        List<Double> curve = new ArrayList<>();
        double ownBefore = contestant.cpu();
        double databaseBefore = server.cpu();
        long begun = System.nanoTime();
        contestant.start();
        for (long handled = 0; handled < tasks; ) {
            LockSupport.parkNanos(20_000_000);
            handled = contestant.handled();
            seconds.add(since(begun));
            curve.add((double) handled);
            verifyPatience(contestant, begun);
        }
        while (!contestant.isDrained()) {
            LockSupport.parkNanos(2_000_000);
            verifyPatience(contestant, begun);
        }
        double elapsed = since(begun);
        double own = contestant.cpu() - ownBefore;
        double database = server.cpu() - databaseBefore;
        contestant.stop();
        return new Drain(contestant, tasks / elapsed, own / tasks, database / tasks, seconds, curve);
    }

    private static void verifyPatience(Contestant contestant, long begun) {
        if (since(begun) > PATIENCE) {
            throw new IllegalStateException("%s is not done after %.0f s".formatted(contestant.name(), PATIENCE));
        }
    }

    private static double since(long begun) {
        return (System.nanoTime() - begun) / 1e9;
    }
}
