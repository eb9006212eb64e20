package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.Processor;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What keeps a node claiming. */
class ClaimingTest {

    private static RunningApplication application;
    private static Ledger ledger;

    @BeforeAll
    static void start() {
        application = RunningApplication.start();
        ledger = new Ledger(application.sql());
    }

    @AfterAll
    static void stop() {
        application.close();
    }

    @Test
    void an_error_in_the_thread_that_claims_does_not_end_it() {
        ClaimScheduler scheduler = application.bean(ClaimScheduler.class);
        Runnable claim = (Runnable) application.camel().getRoute("claim").getConsumer();
        AtomicInteger errors = new AtomicInteger();
        scheduler.scheduleTask(() -> {
            if (errors.incrementAndGet() == 1) {
                throw new StackOverflowError("a test's");
            }
            claim.run();
        });
        try {
            await().until(() -> errors.get() > 0);
            application.handler("claiming-after", "", "- log: done");
            UUID task = ledger.enqueue("claiming-after");

            await().until(() -> ledger.completed("claiming-after") == 1);
            ledger.assertEachEndedOnce(List.of(task));
        } finally {
            scheduler.scheduleTask(claim);
        }
    }

    /** The first task lasts until the poll has become slow: then its end, and not the poll, must bring the next. */
    @Test
    void a_node_that_is_full_takes_the_next_task_as_soon_as_there_is_room() {
        Semaphore ends = new Semaphore(0);
        AtomicInteger begun = new AtomicInteger();
        application.camel().getRegistry().bind("claimingFull", (Processor) exchange -> {
            begun.incrementAndGet();
            ends.acquire();
        });
        application.handler("claiming-full", "concurrency: 1\nprefetch: 0", "- process: {ref: claimingFull}");
        List<UUID> accepted = ledger.enqueue("claiming-full", 3);

        for (int n = 1; n <= 3; n++) {
            int running = n;
            await().until(() -> begun.get() == running);
            double before = polls();
            await().until(() -> polls() >= before + 7); // 40 ms, doubled each time: the next is in 5 s
            ends.release();
        }
        await().until(() -> ledger.completed("claiming-full") == 3);

        ledger.assertEachEndedOnce(accepted);
        assertThat(ledger.count("""
                select count(*) from (select claimed_at - lag(completed_at) over (order by claimed_at) as idle
                                        from postrider.task_history where task_type = 'claiming-full') gaps
                 where idle > '3 s'""")).isZero();
    }

    private static double polls() {
        return application.bean(MeterRegistry.class).find("postrider.wake").tag("by", "poll").counters().stream()
                .mapToDouble(Counter::count)
                .sum();
    }
}
