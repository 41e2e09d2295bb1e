from local.host.server import main

main()
