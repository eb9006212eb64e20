package dev.postrider.bench.rivals;

import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.jobrunr.configuration.JobRunr;
import org.jobrunr.configuration.JobRunrConfiguration;
import org.jobrunr.jobs.lambdas.JobRequest;
import org.jobrunr.jobs.lambdas.JobRequestHandler;
import org.jobrunr.scheduling.BackgroundJobRequest;
import org.jobrunr.server.BackgroundJobServerConfiguration;
import org.jobrunr.storage.sql.postgres.PostgresStorageProvider;
import org.springframework.jdbc.core.JdbcTemplate;

/** JobRunr with as many workers as help, and the shortest poll that it allows. */
public final class JobRunrProcess implements Commands {

    private static final int WORKERS = Integer.getInteger("bench.threads", 64);
    private static final Duration POLLING = Duration.ofSeconds(5);
    private static final LongAdder HANDLED = new LongAdder();

    private final DataSource dataSource;

    private JobRunrProcess(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    public static void main(String[] arguments) throws IOException {
        JobRunrProcess process = new JobRunrProcess(Pools.of(arguments, 20));
        process.configured().initialize();
        process.answer();
    }

    /** @param text 200 bytes as JSON */
    public record Noop(int n, String text) implements JobRequest {
        @Override
        public Class<Handler> getJobRequestHandler() {
            return Handler.class;
        }
    }

    /** Counts. */
    public static final class Handler implements JobRequestHandler<Noop> {
        @Override
        public void run(Noop request) {
            HANDLED.increment();
        }
    }

    private JobRunrConfiguration configured() {
        return JobRunr.configure().useStorageProvider(new PostgresStorageProvider(dataSource));
    }

    @Override
    public String settings() {
        return "%s, %d workers, 20 connections, polling every %d s, succeeded jobs kept"
                .formatted(Pools.version(JobRunr.class), WORKERS, POLLING.toSeconds());
    }

    @Override
    public void fill(int tasks) {
        new JdbcTemplate(dataSource).execute("truncate jobrunr_jobs");
        BackgroundJobRequest.enqueue(IntStream.range(0, tasks).mapToObj(n -> new Noop(n, PAYLOAD)));
    }

    @Override
    public void start() {
        HANDLED.reset();
        configured()
                .useBackgroundJobServer(BackgroundJobServerConfiguration.usingStandardBackgroundJobServerConfiguration()
                        .andWorkerCount(WORKERS)
                        .andPollInterval(POLLING))
                .initialize();
    }

    @Override
    public long handled() {
        return HANDLED.sum();
    }

    @Override
    public void stop() {
        JobRunr.destroy();
        configured().initialize();
    }
}
