package dev.postrider.bench;

import com.standardwebhooks.Webhook;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import org.apache.hc.client5.http.classic.methods.HttpPost;
import org.apache.hc.client5.http.impl.classic.CloseableHttpClient;
import org.apache.hc.client5.http.impl.classic.HttpClients;
import org.apache.hc.client5.http.impl.io.PoolingHttpClientConnectionManagerBuilder;
import org.apache.hc.core5.http.ContentType;
import org.apache.hc.core5.http.io.entity.StringEntity;

/** Signs and posts events with the HTTP client that Postrider uses, and keeps nothing: what no delivery can do without. */
final class BareLoop implements AutoCloseable {

    private static final String DATA = "x".repeat(460);

    private final int threads;
    private final String url;
    private final Webhook signature;
    private final CloseableHttpClient client;

    BareLoop(int threads, String url) throws Exception {
        this.threads = threads;
        this.url = url;
        this.signature = new Webhook("whsec_b2YgdGhlIGJlbmNobWFyaywgMzIgYnl0ZXMgbG9uZy4=");
        this.client = HttpClients.custom()
                .setConnectionManager(PoolingHttpClientConnectionManagerBuilder.create()
                        .setMaxConnTotal(threads)
                        .setMaxConnPerRoute(threads)
                        .build())
                .disableRedirectHandling()
                .disableAutomaticRetries()
                .disableCookieManagement()
                .disableAuthCaching()
                .disableContentCompression()
                .build();
    }

    /**
     * How fast it went once.
     *
     * @param perSecond posts that were answered
     * @param cpu microseconds of this process each
     */
    record Rate(double perSecond, double cpu) {}

    /** Posts for so many seconds. */
    Rate measure(int seconds) throws Exception {
        double cpuBefore = ProcessorTime.of(ProcessHandle.current().pid());
        long begun = System.nanoTime();
        LongAdder posted = new LongAdder();
        Benchmark.Work loop = () -> {
            while (System.nanoTime() - begun < TimeUnit.SECONDS.toNanos(seconds)) {
                post(posted.sum());
                posted.increment();
            }
        };
        List<Benchmark.Work> loops = new ArrayList<>(Collections.nCopies(threads, loop));
        Clients.run(loops);
        double elapsed = (System.nanoTime() - begun) / 1e9;
        double cpu = ProcessorTime.of(ProcessHandle.current().pid()) - cpuBefore;
        return new Rate(posted.sum() / elapsed, cpu / posted.sum());
    }

    private void post(long n) throws Exception {
        String id = UUID.randomUUID().toString();
        long timestamp = System.currentTimeMillis() / 1000;
        String body = "{\"type\" : \"%s\", \"timestamp\" : \"%d\", \"data\" : {\"text\": \"%s\", \"orderId\": %d}}"
                .formatted(Deliveries.TYPE, timestamp, DATA, n);
        HttpPost request = new HttpPost(url);
        request.setHeader("webhook-id", id);
        request.setHeader("webhook-timestamp", Long.toString(timestamp));
        request.setHeader("webhook-signature", signature.sign(id, timestamp, body));
        request.setEntity(new StringEntity(body, ContentType.APPLICATION_JSON));
        int status = client.execute(request, response -> response.getCode());
        if (status != 204) {
            throw new IllegalStateException("The receiver answered " + status);
        }
    }

    @Override
    public void close() throws IOException {
        client.close();
    }
}
