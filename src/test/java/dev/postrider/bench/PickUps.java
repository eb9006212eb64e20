package dev.postrider.bench;

import dev.postrider.testkit.RunningApplication;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.locks.LockSupport;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/**
 * When numbered tasks were sent, just before the commit of their insert, and when the first line of their handler ran;
 * for any thread. Tasks with a negative number are not watched.
 */
final class PickUps implements Processor {

    private static final int MOST = 2_000_000;
    private static final long PATIENCE = TimeUnit.SECONDS.toNanos(60);

    /**
     * One task.
     *
     * @param seconds when it was sent, after the first of those that are looked at
     * @param milliseconds from then to its handler
     * @param commit milliseconds that its own commit took
     */
    record PickUp(double seconds, double milliseconds, double commit) {

        /** Milliseconds from the end of its commit to its handler; 0 when the handler was quicker than the answer. */
        double afterCommit() {
            return Math.max(0, milliseconds - commit);
        }
    }

    private final AtomicInteger count = new AtomicInteger();
    private final AtomicLongArray sent = new AtomicLongArray(MOST);
    private final AtomicLongArray committed = new AtomicLongArray(MOST);
    private final AtomicLongArray begun = new AtomicLongArray(MOST);

    /** Makes a route that notes the tasks of a type. */
    static PickUps of(RunningApplication application, String type, String options) {
        PickUps pickUps = new PickUps();
        application.camel().getRegistry().bind(type, pickUps);
        application.handler(type, options, "- process: {ref: \"" + type + "\"}");
        return pickUps;
    }

    /** The number of the next task. */
    int next() {
        return count.getAndIncrement();
    }

    /** How many tasks there are so far: what comes later can be looked at alone. */
    int soFar() {
        return count.get();
    }

    void sent(int number) {
        sent.set(number, System.nanoTime());
    }

    void committed(int number) {
        committed.set(number, System.nanoTime());
    }

    void begun(int number, long nanoTime) {
        if (number >= 0) {
            begun.set(number, nanoTime);
        }
    }

    @Override
    public void process(Exchange exchange) {
        long now = System.nanoTime();
        begun(((Number) exchange.getIn().getBody(Map.class).get("n")).intValue(), now);
    }

    /** How many tasks, from a number on, have reached their handler. */
    int arrived(int from) {
        int arrived = 0;
        for (int number = from; number < count.get(); number++) {
            arrived += begun.get(number) == 0 ? 0 : 1;
        }
        return arrived;
    }

    /** Waits for all tasks from a number on, up to a minute. */
    void await(int from) throws Exception {
        await(from, () -> {});
    }

    /** Waits for all tasks from a number on, up to a minute, and listens to somebody meanwhile. */
    void await(int from, Benchmark.Work listening) throws Exception {
        long begun = System.nanoTime();
        for (int missing = 1; missing > 0; ) {
            LockSupport.parkNanos(20_000_000);
            listening.run();
            missing = count.get() - from - arrived(from);
            if (missing > 0 && System.nanoTime() - begun > PATIENCE) {
                throw new IllegalStateException("%d of %d tasks did not come".formatted(missing, count.get() - from));
            }
        }
    }

    /** Those that were sent from one number up to another. */
    List<PickUp> between(int from, int to) {
        List<PickUp> pickUps = new ArrayList<>();
        for (int number = from; number < to; number++) {
            pickUps.add(new PickUp(
                    (sent.get(number) - sent.get(from)) / 1e9,
                    (begun.get(number) - sent.get(number)) / 1e6,
                    (committed.get(number) - sent.get(number)) / 1e6));
        }
        return pickUps;
    }

    static double[] milliseconds(List<PickUp> pickUps) {
        return pickUps.stream().mapToDouble(PickUp::milliseconds).toArray();
    }

    static double[] commits(List<PickUp> pickUps) {
        return pickUps.stream().mapToDouble(PickUp::commit).toArray();
    }

    static double[] afterCommits(List<PickUp> pickUps) {
        return pickUps.stream().mapToDouble(PickUp::afterCommit).toArray();
    }

    static double[] seconds(List<PickUp> pickUps) {
        return pickUps.stream().mapToDouble(PickUp::seconds).toArray();
    }
}
