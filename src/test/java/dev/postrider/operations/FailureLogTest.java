package dev.postrider.operations;

import static org.assertj.core.api.Assertions.assertThat;

import ch.qos.logback.classic.Logger;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.read.ListAppender;
import dev.postrider.Snooze;
import java.util.List;
import org.apache.camel.Exchange;
import org.apache.camel.impl.DefaultCamelContext;
import org.apache.camel.impl.event.DefaultEventFactory;
import org.apache.camel.spi.EventNotifier;
import org.apache.camel.support.DefaultExchange;
import org.apache.camel.support.ExchangeHelper;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.slf4j.LoggerFactory;

/** Each failure is told once, whatever its exception is like. */
class FailureLogTest {

    private static final Logger LOG = (Logger) LoggerFactory.getLogger(FailureLog.class);

    private final DefaultCamelContext camel = new DefaultCamelContext();
    private final ListAppender<ILoggingEvent> lines = new ListAppender<>();

    @BeforeEach
    void listen() {
        new FailureLog().beforeApplicationStart(camel);
        lines.start();
        LOG.addAppender(lines);
    }

    @AfterEach
    void stop() throws Exception {
        LOG.detachAppender(lines);
        camel.close();
    }

    @Test
    void an_exchange_and_its_copy_are_one_failure() throws Exception {
        Exchange exchange = failed("one", 1, new IllegalStateException("twice"));
        tell(exchange);
        tell(ExchangeHelper.createCopy(exchange, true));

        assertThat(told())
                .containsExactly("Task one (type) failed in attempt 1: java.lang.IllegalStateException: twice");
    }

    @Test
    void an_exception_that_is_always_the_same_or_equal_to_others_is_told_of_each_attempt() throws Exception {
        Exception only = new IllegalStateException("only");
        tell(failed("one", 1, only));
        tell(failed("one", 2, only));
        tell(failed("two", 1, new Equal()));
        tell(failed("two", 2, new Equal()));

        assertThat(told())
                .extracting(line -> line.split(":")[0])
                .containsExactly(
                        "Task one (type) failed in attempt 1",
                        "Task one (type) failed in attempt 2",
                        "Task two (type) failed in attempt 1",
                        "Task two (type) failed in attempt 2");
    }

    @Test
    void a_failure_whose_causes_are_a_circle_is_told_of() throws Exception {
        Exception first = new IllegalStateException("first");
        first.initCause(new IllegalStateException("second", first));
        tell(failed("one", 1, first));

        assertThat(told()).hasSize(1);
    }

    @Test
    void a_task_that_waits_again_has_not_failed() throws Exception {
        tell(failed("one", 1, new Snooze("100")));
        tell(failed("one", 1, new IllegalStateException("wrapped", new Snooze("100"))));

        assertThat(told()).isEmpty();
    }

    private Exchange failed(String task, int attempt, Exception exception) {
        Exchange exchange = new DefaultExchange(camel);
        exchange.setProperty("taskId", task);
        exchange.setProperty("taskType", "type");
        exchange.setProperty("attempt", attempt);
        exchange.setException(exception);
        return exchange;
    }

    private void tell(Exchange exchange) throws Exception {
        for (EventNotifier notifier : camel.getManagementStrategy().getEventNotifiers()) {
            notifier.notify(new DefaultEventFactory().createExchangeFailedEvent(exchange));
        }
    }

    private List<String> told() {
        return lines.list.stream().map(ILoggingEvent::getFormattedMessage).toList();
    }

    private static final class Equal extends Exception {

        private static final long serialVersionUID = 1L;

        @Override
        public boolean equals(Object other) {
            return other instanceof Equal;
        }

        @Override
        public int hashCode() {
            return 1;
        }
    }
}
