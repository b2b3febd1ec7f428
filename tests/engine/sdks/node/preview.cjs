// Previews a compiled program on the engine, as a test's environment has it, and prints what it says as JSON:
//
//	node preview.cjs PROGRAM PROJECT STACK FOLDER

const { LocalWorkspace } = require("@pulumi/pulumi/automation");

async function main([path, projectName, stackName, workDir]) {
    const steps = {};
    const messages = [];
    const program = async () => require(path);
    const stack = await LocalWorkspace.selectStack({ projectName, stackName, program }, { workDir });
    let outputs = {};
    try {
        await stack.preview({
            onEvent: ({ resourcePreEvent, resOutputsEvent, diagnosticEvent }) => {
                const metadata = (resourcePreEvent ?? resOutputsEvent)?.metadata;
                if (metadata?.type === "pulumi:pulumi:Stack") {
                    outputs = metadata.new?.outputs ?? outputs;
                } else if (resourcePreEvent && !metadata.type.startsWith("pulumi:providers:")) {
                    steps[`${metadata.type} ${metadata.urn.split("::").at(-1)}`] = metadata.op;
                }
                if (diagnosticEvent?.severity === "error") {
                    messages.push(diagnosticEvent.message);
                }
            },
        });
    } catch (error) {
        messages.push(error.message);
    }
    console.log(JSON.stringify({ steps, messages, outputs }));
}

main(process.argv.slice(2)).then(
    () => process.exit(0),
    (error) => {
        console.error(error);
        process.exit(1);
    },
);
