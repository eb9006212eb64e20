package dev.postrider.queue;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.camel.Exchange;
import org.apache.camel.Processor;

/** A step that lasts until the test opens it, so that "while it runs" is a condition and not a duration. */
final class Gate implements Processor {

    private final AtomicInteger arrived = new AtomicInteger();
    private final CountDownLatch open = new CountDownLatch(1);

    /** Like code that is deep in a computation or a native call, it does not notice an interrupt. */
    @Override
    public void process(Exchange exchange) {
        arrived.incrementAndGet();
        boolean interrupted = false;
        while (true) {
            try {
                open.await();
                break;
            } catch (InterruptedException e) {
                interrupted = true;
            }
        }
        if (interrupted) {
            Thread.currentThread().interrupt();
        }
    }

    int arrived() {
        return arrived.get();
    }

    void open() {
        open.countDown();
    }
}
