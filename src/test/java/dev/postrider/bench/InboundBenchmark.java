package dev.postrider.bench;

import com.stripe.net.Webhook;
import dev.postrider.secrets.Secrets;
import dev.postrider.testkit.Answer;
import dev.postrider.testkit.RunningApplication;
import java.io.BufferedWriter;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.GeneralSecurityException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** How fast are signed webhooks taken in, beside pgbench that commits the same SQL on the same server? */
public final class InboundBenchmark {

    private static final String SECRET = "whsec_of_the_benchmark";
    private static final int CONNECTIONS = 64;
    private static final int THREADS = 2;
    private static final int OBJECTS = 2_000;
    private static final int BODY = 2_048;
    private static final int ROUNDS = Benchmark.setting("rounds", 5);
    private static final int SECONDS = Benchmark.setting("seconds", 12);
    /** As many as a round may send; more are not on the way. */
    private static final int MOST = 6_000 * SECONDS;

    private static final int STEADY = 200;
    private static final Pattern RATE = Pattern.compile("Requests/sec:\\s+([0-9.]+)");
    private static final Pattern P99 = Pattern.compile("99%\\s+([0-9.]+)(us|ms|s)");
    private static final Pattern REFUSED = Pattern.compile("Non-2xx or 3xx responses: ([0-9]+)|Socket errors: (.*)");
    private static final Pattern TPS = Pattern.compile("tps = ([0-9.]+)");

    /** What one run of wrk says. */
    private record Load(double perSecond, double p99) {}

    private final RunningApplication application;
    private final Path folder = Files.createDirectories(Benchmark.OUTPUT.resolve("inbound"));
    private final String url;
    private final String sourceId;
    private long events;

    private InboundBenchmark(RunningApplication application) throws Exception {
        this.application = application;
        Answer source = application.call(
                "POST", "/v1/sources", "{\"provider\": \"stripe\", \"secrets\": [\"%s\"]}".formatted(SECRET));
        this.url = source.text("/url");
        this.sourceId = source.text("/sourceId");
        try (var script = InboundBenchmark.class.getResourceAsStream("/bench/webhooks.lua")) {
            Files.copy(script, folder.resolve("webhooks.lua"), StandardCopyOption.REPLACE_EXISTING);
        }
    }

    public static void main(String[] arguments) {
        Benchmark.main(() -> {
            BenchmarkServer server = BenchmarkServer.start();
            InboundBenchmark benchmark = new InboundBenchmark(server.application());
            Benchmark.print(
                    "%n## Inbound: webhooks of %,d bytes about %,d objects, over %d connections%n%n%s",
                    BODY, OBJECTS, CONNECTIONS, server.describe());
            benchmark.run();
        });
    }

    private void run() throws Exception {
        List<Double> floor = new ArrayList<>();
        List<Load> fresh = new ArrayList<>();
        List<Load> again = new ArrayList<>();
        for (int round = 0; round <= ROUNDS; round++) {
            prepare();
            fresh.add(wrk());
            again.add(wrk());
            floor.add(pgbench());
        }
        for (List<?> all : List.of(floor, fresh, again)) {
            all.remove(0); // warmed up
        }
        new Table("%d rounds, medians".formatted(ROUNDS), "webhooks/s", "p99, ms")
                .row("pgbench, the same SQL", median(floor), "")
                .row("verified and committed", rate(fresh), p99(fresh))
                .row("the same again: duplicates", rate(again), p99(again))
                .print();
        double[] ratios = new double[ROUNDS];
        double[] duplicates = new double[ROUNDS];
        for (int i = 0; i < ROUNDS; i++) {
            ratios[i] = fresh.get(i).perSecond / floor.get(i);
            duplicates[i] = again.get(i).perSecond / fresh.get(i).perSecond;
        }
        Benchmark.atLeast("Beside pgbench", Benchmark.median(ratios), 0.5);
        Benchmark.atLeast("Webhooks per second", rate(fresh), 1_500);
        Benchmark.atMost("p99, ms", p99(fresh), 100);
        Benchmark.atLeast("Duplicates beside fresh ones", Benchmark.median(duplicates), 1);
        double[] steady = steady();
        Table.ofTimes("%d webhooks per second".formatted(STEADY))
                .times("from the request to the answer", steady)
                .print();
        Benchmark.atMost("p99 at %d per second, ms".formatted(STEADY), Benchmark.quantile(0.99, steady), 15);
    }

    /** Signs what the next run sends. */
    private void prepare() throws IOException, GeneralSecurityException {
        for (int thread = 0; thread < THREADS; thread++) {
            try (BufferedWriter file = Files.newBufferedWriter(folder.resolve("signed." + thread))) {
                for (int i = 0; i < MOST / THREADS; i++) {
                    String body = body(++events);
                    file.write(signature(body) + "\t" + body + "\n");
                }
            }
        }
    }

    private Load wrk() throws Exception {
        String output = output(
                "wrk",
                "--threads=" + THREADS,
                "--connections=" + CONNECTIONS,
                "--duration=" + SECONDS,
                "--timeout=10s",
                "--latency",
                "--script=" + folder.resolve("webhooks.lua"),
                url,
                folder.resolve("signed").toString());
        Matcher refused = REFUSED.matcher(output);
        Matcher rate = RATE.matcher(output);
        Matcher p99 = P99.matcher(output);
        if (refused.find() || !rate.find() || !p99.find()) {
            throw new IllegalStateException(output);
        }
        double unit = Map.of("us", 0.001, "ms", 1.0, "s", 1000.0).get(p99.group(2));
        return new Load(Double.parseDouble(rate.group(1)), Double.parseDouble(p99.group(1)) * unit);
    }

    /** Transactions per second of the statements that a webhook's transaction has. */
    private double pgbench() throws Exception {
        String payload =
                body(0).replace("evt_0", "evt_' || :n::text || '").replace("sub_0", "sub_' || :object::text || '");
        Path script = Files.writeString(folder.resolve("receive.sql"), """
                \\set n random(1, 1000000000000000)
                \\set object random(1, %d)
                begin;
                with named as materialized (
                    select set_config('app.active_workspace', '%s', true) as workspace_id, set_config('app.actor', 'source:%s', true)
                )
                select postrider.required_workspace() from named where workspace_id <> '00000000-0000-0000-0000-000000000000';
                select receipt_id, verdict, reason from postrider.receive_webhook(
                    ('{"sourceId": "%s", "url": "%s", "headers": {"content-type": ["application/json"], "stripe-signature": ["%s"]}, "eventId": "evt_' || :n::text
                     || '", "eventType": "customer.subscription.updated", "refId": "sub_' || :object::text || '", "version": ' || :n::text
                     || ', "payload": %s}')::jsonb, ('%s')::text::bytea);
                select current_setting('app.active_workspace', true);
                commit;
                """.formatted(
                        OBJECTS,
                        RunningApplication.WORKSPACE,
                        sourceId,
                        sourceId,
                        url,
                        "t=1700000000,v1=" + "0".repeat(64),
                        payload,
                        payload));
        URI database = URI.create(application.database().url().substring("jdbc:".length()));
        String output = output(
                "pgbench",
                "--no-vacuum",
                "--protocol=prepared",
                "--client=" + CONNECTIONS,
                "--jobs=" + THREADS,
                "--time=" + SECONDS,
                "--file=" + script,
                "postgresql://postrider_tenant_login:%s@%s%s"
                        .formatted(
                                application.bean(Secrets.class).rolePassword("tenant"),
                                database.getAuthority(),
                                database.getPath()));
        Matcher tps = TPS.matcher(output);
        if (!tps.find() || output.contains("ERROR")) {
            throw new IllegalStateException(output);
        }
        return Double.parseDouble(tps.group(1));
    }

    /** The milliseconds of webhooks that come at a steady rate, whether the ones before are answered or not. */
    private double[] steady() throws Exception {
        HttpClient client = HttpClient.newHttpClient();
        List<Double> milliseconds = Collections.synchronizedList(new ArrayList<>());
        ExecutorService senders = Executors.newFixedThreadPool(32);
        long begun = System.nanoTime();
        for (int i = 0; i < STEADY * SECONDS; i++) {
            String body = body(++events);
            HttpRequest request = HttpRequest.newBuilder(URI.create(url))
                    .timeout(Duration.ofSeconds(30))
                    .header("Stripe-Signature", signature(body))
                    .POST(HttpRequest.BodyPublishers.ofString(body))
                    .build();
            long due = begun + i * 1_000_000_000L / STEADY;
            while (System.nanoTime() < due) {
                LockSupport.parkNanos(due - System.nanoTime());
            }
            senders.execute(() -> {
                try {
                    int status = client.send(request, HttpResponse.BodyHandlers.discarding())
                            .statusCode();
                    milliseconds.add(status == 200 ? (System.nanoTime() - due) / 1e6 : Double.POSITIVE_INFINITY);
                } catch (IOException | InterruptedException e) {
                    milliseconds.add(Double.POSITIVE_INFINITY);
                }
            });
        }
        senders.shutdown();
        senders.awaitTermination(1, TimeUnit.MINUTES);
        return milliseconds.stream()
                .skip(STEADY)
                .mapToDouble(Double::doubleValue)
                .toArray();
    }

    private static String body(long event) {
        String start =
                "{\"id\": \"evt_%d\", \"object\": \"event\", \"type\": \"customer.subscription.updated\", \"created\": %d, \"data\": {\"object\": {\"id\": \"sub_%d\", \"note\": \""
                        .formatted(event, event, event % OBJECTS);
        return start + "x".repeat(BODY - start.length() - 4) + "\"}}}";
    }

    private static String signature(String body) throws GeneralSecurityException {
        long time = Instant.now().getEpochSecond();
        return "t=%d,v1=%s".formatted(time, Webhook.Util.computeHmacSha256(SECRET, time + "." + body));
    }

    private static String output(String... command) throws Exception {
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IllegalStateException(String.join(" ", command) + "\n" + output);
        }
        return output;
    }

    private static double median(List<Double> values) {
        return Benchmark.median(values.stream().mapToDouble(Double::doubleValue).toArray());
    }

    private static double rate(List<Load> loads) {
        return median(loads.stream().map(Load::perSecond).toList());
    }

    private static double p99(List<Load> loads) {
        return median(loads.stream().map(Load::p99).toList());
    }
}
