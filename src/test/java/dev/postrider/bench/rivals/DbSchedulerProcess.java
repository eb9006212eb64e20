package dev.postrider.bench.rivals;

import com.github.kagkarlsson.scheduler.Scheduler;
import com.github.kagkarlsson.scheduler.SchedulerClient;
import com.github.kagkarlsson.scheduler.task.TaskInstance;
import com.github.kagkarlsson.scheduler.task.helper.OneTimeTask;
import com.github.kagkarlsson.scheduler.task.helper.Tasks;
import com.zaxxer.hikari.HikariDataSource;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.IntStream;
import javax.sql.DataSource;
import org.springframework.jdbc.core.JdbcTemplate;

/** db-scheduler in the set-up that its documentation names as the fastest. */
public final class DbSchedulerProcess implements Commands {

    private static final int THREADS = Integer.getInteger("bench.threads", 50);
    private static final double LOWER = 0.5;
    private static final double UPPER = 4;
    private static final Duration POLLING = Duration.ofMillis(100);

    private final LongAdder handled = new LongAdder();
    private final OneTimeTask<String> task =
            Tasks.oneTime("noop", String.class).execute((instance, context) -> handled.increment());
    private final DataSource dataSource;
    private Scheduler scheduler;

    private DbSchedulerProcess(DataSource dataSource) {
        this.dataSource = dataSource;
    }

    public static void main(String[] arguments) throws IOException {
        HikariDataSource dataSource = Pools.of(arguments, THREADS);
        new JdbcTemplate(dataSource).execute("""
                create table scheduled_tasks (
                    task_name text not null, task_instance text not null, task_data bytea,
                    execution_time timestamptz, picked boolean not null, picked_by text, last_success timestamptz,
                    last_failure timestamptz, consecutive_failures int, last_heartbeat timestamptz,
                    version bigint not null, priority smallint, state text, primary key (task_name, task_instance));
                create index execution_time_idx on scheduled_tasks (execution_time);
                create index last_heartbeat_idx on scheduled_tasks (last_heartbeat);
                """);
        new DbSchedulerProcess(dataSource).answer();
    }

    @Override
    public String settings() {
        return "%s, lock-and-fetch %.1f to %.1f, %d threads and connections, polling every %d ms"
                .formatted(Pools.version(Scheduler.class), LOWER, UPPER, THREADS, POLLING.toMillis());
    }

    @Override
    public void fill(int tasks) {
        SchedulerClient.Builder.create(dataSource, task)
                .build()
                .scheduleBatch(
                        IntStream.range(0, tasks)
                                .<TaskInstance<?>>mapToObj(n -> task.instance(Integer.toString(n), PAYLOAD)),
                        Instant.now());
    }

    @Override
    public void start() {
        handled.reset();
        scheduler = Scheduler.create(dataSource, task)
                .threads(THREADS)
                .pollUsingLockAndFetch(LOWER, UPPER)
                .pollingInterval(POLLING)
                .build();
        scheduler.start();
    }

    @Override
    public long handled() {
        return handled.sum();
    }

    @Override
    public void stop() {
        scheduler.stop();
    }
}
