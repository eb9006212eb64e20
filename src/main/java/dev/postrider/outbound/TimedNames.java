package dev.postrider.outbound;

import java.net.InetAddress;
import java.net.UnknownHostException;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.apache.hc.client5.http.DnsResolver;

/**
 * Finds the addresses of hosts in a bounded time: the system's resolver takes as long as the name servers of a customer want,
 * and cannot be stopped. Who asks for a host that is looked up already waits for that, so that it takes one thread only.
 * Safe for any thread.
 */
final class TimedNames {

    private static final int THREADS = 128;

    private final DnsResolver names;
    private final ConcurrentMap<String, CompletableFuture<InetAddress[]>> underWay = new ConcurrentHashMap<>();
    private final ThreadPoolExecutor threads = new ThreadPoolExecutor(
            THREADS, THREADS, 1, TimeUnit.MINUTES, new LinkedBlockingQueue<>(), TimedNames::thread);

    TimedNames(DnsResolver names) {
        this.names = names;
        this.threads.allowCoreThreadTimeOut(true);
    }

    private static Thread thread(Runnable lookups) {
        Thread thread = new Thread(lookups, "delivery-names");
        thread.setDaemon(true);
        return thread;
    }

    /**
     * @param most how long it may take
     * @throws SlowNameException if it took longer
     */
    InetAddress[] resolve(String host, Duration most) throws UnknownHostException {
        try {
            return underWay.computeIfAbsent(host, this::begin).get(most.toNanos(), TimeUnit.NANOSECONDS);
        } catch (TimeoutException e) {
            throw new SlowNameException(host);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new SlowNameException(host);
        } catch (ExecutionException e) {
            throw new UnknownHostException(host);
        }
    }

    private CompletableFuture<InetAddress[]> begin(String host) {
        CompletableFuture<InetAddress[]> found = new CompletableFuture<>();
        // It is forgotten before anybody is told: who asks next has to be told what is true then.
        threads.execute(() -> {
            try {
                InetAddress[] addresses = names.resolve(host);
                underWay.remove(host, found);
                found.complete(addresses);
            } catch (UnknownHostException | RuntimeException | Error e) {
                underWay.remove(host, found);
                found.completeExceptionally(e);
            }
        });
        return found;
    }
}
