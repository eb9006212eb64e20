package dev.postrider.queue;

import static dev.postrider.testkit.RunningApplication.await;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.postrider.routes.RouteOperations;
import dev.postrider.testkit.RunningApplication;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Options of handlers that cannot work are refused when their file is loaded, and other files do not notice. */
class RefusedOptionsTest {

    private static RunningApplication application;

    @BeforeAll
    static void start() {
        application = RunningApplication.start();
    }

    @AfterAll
    static void stop() {
        application.close();
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    concurrency | 0    | concurrency is 0
                    concurrency | -3   | concurrency is -3
                    prefetch    | -1   | prefetch is -1
                    timeout     | -1   | timeout is -1
                    batch       | 0    | batch is 0: give 1 to 1000
                    batch       | 1001 | batch is 1001: give 1 to 1000
                    """)
    void an_option_of_task_source(String option, String value, String reason) {
        application.putRoute("tasks/refused.camel.yaml", """
                - route:
                    id: refused
                    description: Cannot work.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: refused, %s: %s}
                      steps:
                        - log: hello
                """.formatted(option, value));

        await().untilAsserted(
                        () -> assertThat(application.bean(RouteOperations.class).getLastErrorMessage())
                                .contains(reason));
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
    }

    @Test
    void a_value_of_a_redelivery_policy() {
        application.putRoute("tasks/refused-policy.camel.yaml", """
                - beans:
                    - name: refusedPolicy
                      type: dev.postrider.queue.DurableRedeliveryPolicy
                      properties: {redeliveryDelay: -5}
                - route:
                    id: refused-policy
                    description: Cannot work.
                    from:
                      uri: kamelet:task-source
                      parameters: {taskType: refused-policy, redeliveryPolicy: refusedPolicy}
                      steps:
                        - log: hello
                """);

        await().untilAsserted(
                        () -> assertThat(application.bean(RouteOperations.class).getLastErrorMessage())
                                .contains("redeliveryDelay is -5: give 0 or more"));
        application.awaitTask(application.enqueue("report-generate", "{}"), "completed");
    }

    @Test
    void every_value_of_a_redelivery_policy_says_what_it_wants() {
        DurableRedeliveryPolicy policy = new DurableRedeliveryPolicy();
        refused("maximumRedeliveries", () -> policy.setMaximumRedeliveries(-2));
        refused("redeliveryDelay", () -> policy.setRedeliveryDelay(-1));
        refused("maximumRedeliveryDelay", () -> policy.setMaximumRedeliveryDelay(-2));
        refused("maximumRedeliveryWindow", () -> policy.setMaximumRedeliveryWindow(-2));
        refused("backOffMultiplier", () -> policy.setBackOffMultiplier(0.5));
        refused("collisionAvoidanceFactor", () -> policy.setCollisionAvoidanceFactor(1.5));
        refused("collisionAvoidancePercent", () -> policy.setCollisionAvoidancePercent(-1));
        for (String pattern : new String[] {"5", "1:", "1:x", "1:5000;", "1:-5", "a:1"}) {
            refused("delayPattern", () -> policy.setDelayPattern(pattern));
        }
        policy.setMaximumRedeliveries(-1);
        policy.setMaximumRedeliveryDelay(-1);
        policy.setDelayPattern("0:1000;5:60000");
        policy.setDelayPattern(null);
    }

    private static void refused(String field, org.assertj.core.api.ThrowableAssert.ThrowingCallable set) {
        assertThatThrownBy(set)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith(field + " is ")
                .hasMessageContaining(": give ");
    }
}
