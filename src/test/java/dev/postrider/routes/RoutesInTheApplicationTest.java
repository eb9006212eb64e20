package dev.postrider.routes;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;

import dev.postrider.testkit.RunningApplication;
import java.lang.management.ManagementFactory;
import javax.management.ObjectName;
import org.apache.camel.component.kamelet.KameletComponent;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** What a team does with the routes folder of a running application, and what operators see of it. */
class RoutesInTheApplicationTest {

    private static RunningApplication application;

    @BeforeAll
    static void start() {
        application = RunningApplication.start();
    }

    @AfterAll
    static void stop() {
        application.close();
    }

    @Test
    void a_new_task_type_works_by_one_file_and_a_broken_one_beside_it_stops_nothing() throws Exception {
        application.putRoute("tasks/broken.camel.yaml", """
                - route:
                    id: broken
                    description: A mistake in line 7.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: broken}
                      stepps:
                        - log: hello
                """);
        application.handler("dropped-in", "concurrency: 2", "- log: \"${body}\"");

        application.awaitTask(application.enqueue("dropped-in", "{}"), "completed");
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
        await().untilAsserted(() -> assertThat(attribute("LastErrorFile")).isEqualTo("tasks/broken.camel.yaml"));
        assertThat(attribute("LastErrorLine")).isEqualTo(7);
        assertThat(attribute("LastErrorMessage").toString()).contains("stepps");
        assertThat(attribute("LastErrorTime").toString()).endsWith("Z");

        application.handler("broken", "concurrency: 1", "- log: mended");

        application.awaitTask(application.enqueue("broken", "{}"), "completed");
        assertThat(attribute("Errors").toString()).isEqualTo("[]");
        assertThat(reload()).isEqualTo("all route files run");
    }

    @Test
    void a_changed_file_takes_effect_and_a_deleted_one_takes_its_routes_along() {
        application.route("later/changing.camel.yaml", answering("one"));
        assertThat(ask()).isEqualTo("one");

        application.putRoute("later/changing.camel.yaml", answering("two"));
        await().untilAsserted(() -> assertThat(ask()).isEqualTo("two"));

        application.removeRoute("later/changing.camel.yaml");
        await().until(() -> application.camel().getRoute("changing") == null);
    }

    @Test
    void a_handler_whose_file_is_deleted_gets_no_more_tasks_and_gets_them_when_it_is_back() {
        application.handler("coming-and-going", "", "- log: here");
        application.awaitTask(application.enqueue("coming-and-going", "{}"), "completed");
        application.removeRoute("tasks/coming-and-going.camel.yaml");
        await().until(() -> application.camel().getRoute("coming-and-going") == null);

        String task = application.enqueue("coming-and-going", "{}");
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
        assertThat(application.call("GET", "/v1/tasks/" + task, null).text("/status"))
                .isEqualTo("queued");

        application.handler("coming-and-going", "", "- log: back");
        application.awaitTask(task, "completed");
    }

    @Test
    void a_stopped_route_leaves_its_tasks_to_other_nodes_and_takes_them_when_it_is_started() throws Exception {
        application.handler("stopped", "", "- log: running");
        application.camel().getRouteController().stopRoute("stopped");

        String task = application.enqueue("stopped", "{}");
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
        assertThat(application.call("GET", "/v1/tasks/" + task, null).text("/status"))
                .isEqualTo("queued");

        application.camel().getRouteController().startRoute("stopped");
        application.awaitTask(task, "completed");
    }

    @Test
    void kamelets_of_the_folder_come_before_the_packaged_ones() {
        assertThat(application
                        .camel()
                        .getComponent("kamelet", KameletComponent.class)
                        .getLocation())
                .endsWith(",classpath:routes/kamelets")
                .startsWith("file:");
    }

    private static String answering(String text) {
        return """
                - route:
                    id: changing
                    description: Answers.
                    from:
                      uri: direct:changing
                      steps:
                        - setBody: {constant: %s}
                """.formatted(text);
    }

    private static String ask() {
        return application.camel().createProducerTemplate().requestBody("direct:changing", null, String.class);
    }

    private static Object attribute(String name) throws Exception {
        return ManagementFactory.getPlatformMBeanServer()
                .getAttribute(new ObjectName("dev.postrider:type=Routes"), name);
    }

    private static Object reload() throws Exception {
        return ManagementFactory.getPlatformMBeanServer()
                .invoke(new ObjectName("dev.postrider:type=Routes"), "reload", new Object[0], new String[0]);
    }
}
