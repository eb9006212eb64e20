package dev.postrider.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

/** Runs clients at the same time, each on a thread of its own. */
final class Clients {

    private Clients() {}

    /** Returns when all have ended; the first failure is thrown. */
    static void run(List<Benchmark.Work> clients) throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(clients.size());
        try {
            List<Future<?>> running = new ArrayList<>();
            for (Benchmark.Work client : clients) {
                running.add(threads.submit(() -> {
                    client.run();
                    return null;
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        } finally {
            threads.shutdownNow();
        }
    }
}
