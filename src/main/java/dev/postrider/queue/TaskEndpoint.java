package dev.postrider.queue;

import java.util.Optional;
import org.apache.camel.Consumer;
import org.apache.camel.Processor;
import org.apache.camel.Producer;
import org.apache.camel.support.CamelContextHelper;
import org.apache.camel.support.DefaultEndpoint;

/** The tasks of one type, as {@code task:<type>}; its options are those of {@code kamelet:task-source}. */
public final class TaskEndpoint extends DefaultEndpoint {

    private static final int LARGEST_BATCH = 1_000;

    private final String taskType;
    private int concurrency = 1;
    private int batch = 1;
    private int prefetch;
    private long timeout;
    private String redeliveryPolicy = "defaultRedelivery";
    private String handlerRouteId = "";

    TaskEndpoint(String uri, TaskComponent component, String taskType) {
        super(uri, component);
        this.taskType = taskType;
    }

    @Override
    public TaskComponent getComponent() {
        return (TaskComponent) super.getComponent();
    }

    @Override
    public Producer createProducer() {
        throw new UnsupportedOperationException(
                "Nothing is sent to task:%s; enqueue with kamelet:task-sink".formatted(taskType));
    }

    @Override
    public Consumer createConsumer(Processor processor) throws Exception {
        TaskConsumer consumer = new TaskConsumer(this, processor);
        configureConsumer(consumer);
        return consumer;
    }

    String taskType() {
        return taskType;
    }

    Optional<DurableRedeliveryPolicy> policyIfPresent() {
        return Optional.ofNullable(
                CamelContextHelper.lookup(getCamelContext(), redeliveryPolicy, DurableRedeliveryPolicy.class));
    }

    DurableRedeliveryPolicy policy() {
        return CamelContextHelper.mandatoryLookup(getCamelContext(), redeliveryPolicy, DurableRedeliveryPolicy.class);
    }

    /** @throws IllegalArgumentException if an option cannot work */
    void check() {
        if (concurrency < 1) {
            throw new IllegalArgumentException(
                    "concurrency is %d: with less than 1 no task would ever run".formatted(concurrency));
        }
        if (batch < 1 || batch > LARGEST_BATCH) {
            throw new IllegalArgumentException("batch is %d: give 1 to %d".formatted(batch, LARGEST_BATCH));
        }
        if (prefetch < 0) {
            throw new IllegalArgumentException("prefetch is %d: give 0 or more".formatted(prefetch));
        }
        if (timeout < 0) {
            throw new IllegalArgumentException("timeout is %d: give milliseconds, or 0 for none".formatted(timeout));
        }
    }

    public int getConcurrency() {
        return concurrency;
    }

    /** How many tasks of the type, or batches of them, this node runs at once; at least 1. */
    public void setConcurrency(int concurrency) {
        this.concurrency = concurrency;
    }

    public int getBatch() {
        return batch;
    }

    /** How many tasks of one workspace the handler gets at once, at most; 1 to 1,000. With 1 its body is a payload, else a list. */
    public void setBatch(int batch) {
        this.batch = batch;
    }

    public int getPrefetch() {
        return prefetch;
    }

    /** How many more tasks this node claims ahead: more is faster for short tasks, less is fairer for long ones. */
    public void setPrefetch(int prefetch) {
        this.prefetch = prefetch;
    }

    public long getTimeout() {
        return timeout;
    }

    /** After how many milliseconds a running handler is interrupted, which is a failed attempt; 0: never. */
    public void setTimeout(long timeout) {
        this.timeout = timeout;
    }

    public String getRedeliveryPolicy() {
        return redeliveryPolicy;
    }

    /** The name of a bean of type {@link DurableRedeliveryPolicy}. */
    public void setRedeliveryPolicy(String redeliveryPolicy) {
        this.redeliveryPolicy = redeliveryPolicy;
    }

    public String getHandlerRouteId() {
        return handlerRouteId;
    }

    /** The route that handles the tasks: while it is stopped, none is claimed. */
    public void setHandlerRouteId(String handlerRouteId) {
        this.handlerRouteId = handlerRouteId;
    }
}
