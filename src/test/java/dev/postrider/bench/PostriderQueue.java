package dev.postrider.bench;

import dev.postrider.testkit.RunningApplication;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.io.IOException;

/** Postrider in this process: the tasks of one type, through a route of YAML as a team writes it. */
final class PostriderQueue implements Contestant {

    private final RunningApplication application;
    private final String type;
    private final String options;
    private final int workspaces;
    private long before;

    /**
     * Makes the route.
     *
     * @param type a task type of its own
     * @param options of the route's source, as lines of YAML
     * @param workspaces how many the tasks are of; many are made by {@link Workspaces}
     */
    PostriderQueue(RunningApplication application, String type, String options, int workspaces) throws Exception {
        this.application = application;
        this.type = type;
        this.options = options;
        this.workspaces = workspaces;
        application.handler(type, options, "- setProperty: {name: done, constant: \"true\"}");
        stop();
    }

    @Override
    public String name() {
        return "Postrider";
    }

    @Override
    public String settings() {
        return "a route with " + options.replace("\n", ", ");
    }

    @Override
    public void fill(int tasks) {
        if (workspaces == 1) {
            fill(application, type, tasks);
        } else {
            Workspaces.fill(application, workspaces, type, tasks, "now()");
        }
    }

    /** Adds tasks of one workspace in one transaction; {@link PickUps} does not watch them. */
    static void fill(RunningApplication application, String type, int tasks) {
        application.as(
                "tenant", RunningApplication.WORKSPACE, sql -> sql.queryForObject("""
                        select sum(cardinality(enqueue_tasks(batch)))
                          from (select jsonb_agg(jsonb_build_object('taskType', ?::text,
                                           'payload', jsonb_build_object('n', -n, 'text', repeat('x', 180)))) as batch
                                  from generate_series(1, ?) n group by n / 10000) batches
                        """, Integer.class, type, tasks));
    }

    @Override
    public void start() throws Exception {
        before = ran();
        application.camel().getRouteController().startRoute(type);
    }

    @Override
    public long handled() {
        return ran() - before;
    }

    private long ran() {
        return application.bean(MeterRegistry.class).find("postrider.task.run").tag("task_type", type).timers().stream()
                .mapToLong(Timer::count)
                .sum();
    }

    @Override
    public boolean isDrained() {
        return workspaces == 1 ? isDrained(application, type) : isDrained(application, type, "true");
    }

    /** Whether no task of a type is left in the workspace that applications under test have. */
    static boolean isDrained(RunningApplication application, String type) {
        return isDrained(application, type, "workspace_id = '%s'".formatted(RunningApplication.WORKSPACE));
    }

    private static boolean isDrained(RunningApplication application, String type, String where) {
        return Boolean.TRUE.equals(application
                .sql()
                .queryForObject(
                        "select not exists (select from postrider.background_tasks where %s and task_type = ?)"
                                .formatted(where),
                        Boolean.class,
                        type));
    }

    @Override
    public void stop() throws Exception {
        application.camel().getRouteController().stopRoute(type);
    }

    @Override
    public double cpu() throws IOException {
        return ProcessorTime.of(ProcessHandle.current().pid());
    }

    @Override
    public void tidy() {
        application.sql().execute("vacuum analyze");
        application.sql().execute("checkpoint");
    }

    @Override
    public void close() {
        // the application ends with this process
    }
}
