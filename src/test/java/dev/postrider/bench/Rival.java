package dev.postrider.bench;

import dev.postrider.database.DatabaseLocation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.springframework.jdbc.core.JdbcTemplate;

/** Another queue, in one process or several of its own, on a database of its own on the same server. */
final class Rival implements Contestant {

    private final String name;
    private final List<Child> processes;
    private final JdbcTemplate sql;
    private final String isDrained;

    private Rival(String name, List<Child> processes, DatabaseLocation database, String isDrained) {
        this.name = name;
        this.processes = processes;
        this.sql = BenchmarkServer.sql(database);
        this.isDrained = isDrained;
    }

    static Rival dbScheduler(BenchmarkServer server) throws IOException {
        DatabaseLocation database = server.newDatabase("db_scheduler");
        return new Rival(
                "db-scheduler",
                List.of(java("DbSchedulerProcess", database)),
                database,
                "select not exists (select from scheduled_tasks)");
    }

    static Rival jobRunr(BenchmarkServer server) throws IOException {
        DatabaseLocation database = server.newDatabase("jobrunr");
        return new Rival(
                "JobRunr",
                List.of(java("JobRunrProcess", database)),
                database,
                "select not exists (select from jobrunr_jobs where state <> 'SUCCEEDED')");
    }

    /** @param process a class of the package {@code rivals}, which is compiled in the profile bench only */
    private static Child java(String process, DatabaseLocation database) throws IOException {
        return Child.start(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-Xmx512m",
                "-Dlogback.configurationFile=bench/quiet.xml",
                "-classpath",
                System.getProperty("java.class.path"),
                "dev.postrider.bench.rivals." + process,
                database.url(),
                database.username(),
                database.password()));
    }

    static Rival graphile(Graphile graphile, DatabaseLocation database, int processes, String options)
            throws IOException {
        List<Child> children = new ArrayList<>();
        for (int i = 0; i < processes; i++) {
            children.add(graphile.start(database, options));
        }
        return new Rival(
                processes == 1 ? "Graphile Worker" : "Graphile Worker, %d processes".formatted(processes),
                children,
                database,
                "select not exists (select from graphile_worker._private_jobs)");
    }

    @Override
    public String name() {
        return name;
    }

    @Override
    public String settings() throws IOException {
        return processes.get(0).ask("settings");
    }

    @Override
    public void fill(int tasks) throws IOException {
        processes.get(0).ask("fill " + tasks);
    }

    @Override
    public void start() throws IOException {
        for (Child process : processes) {
            process.ask("start");
        }
    }

    @Override
    public long handled() throws IOException {
        long handled = 0;
        for (Child process : processes) {
            handled += Long.parseLong(process.ask("handled"));
        }
        return handled;
    }

    @Override
    public boolean isDrained() {
        return Boolean.TRUE.equals(sql.queryForObject(isDrained, Boolean.class));
    }

    @Override
    public void stop() throws IOException {
        for (Child process : processes) {
            process.ask("stop");
        }
    }

    @Override
    public double cpu() throws IOException {
        double cpu = 0;
        for (Child process : processes) {
            cpu += process.cpu();
        }
        return cpu;
    }

    @Override
    public void tidy() {
        sql.execute("vacuum analyze");
        sql.execute("checkpoint");
    }

    @Override
    public void close() {
        for (Child process : processes) {
            process.close();
        }
    }
}
